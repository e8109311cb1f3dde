package dev.tallrec.backend.cpu;

import dev.tallrec.backend.Matrix;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * Rows of one head of a matrix, copied into a form that {@link TileKernel#kernel} multiplies; grown
 * to the largest asked for.
 */
final class HeadPanel {

  private static final int COLUMNS = TileKernel.COLUMNS;

  private float[] values = new float[0];
  private int stride;

  /** The elements, {@link #stride} apart from row to row. */
  float[] values() {
    return values;
  }

  int stride() {
    return stride;
  }

  /** Makes room for a left factor of {@code rows}, as they are: element (row, d). */
  void reserveRows(int rows, int headDim) {
    reserve(rows, headDim);
  }

  /** Makes room for a left factor of {@code rows}, transposed: element (d, row). */
  void reserveTransposed(int rows, int headDim) {
    reserve(headDim, Gemm.rowStride(rows));
  }

  // The kernel reads whole tiles of rows.
  private void reserve(int rows, int betweenRows) {
    stride = betweenRows;
    grow((rows + TileKernel.ROWS) * stride);
  }

  private void grow(int floats) {
    if (values.length < floats) {
      values = new float[floats];
    }
  }

  /** Copies columns of matrix rows {@code first} on to rows {@code at} on. */
  void addRows(Matrix matrix, int first, int count, int column, int headDim, int at) {
    MemorySegment source = HostBuffer.of(matrix);
    for (int row = 0; row < count; row++) {
      long from = Vectors.at(matrix, first + row) + (long) column * Float.BYTES;
      MemorySegment.copy(source, Vectors.FLOAT, from, values, (at + row) * stride, headDim);
    }
  }

  /** Copies columns of matrix rows {@code first} on to columns {@code at} on. */
  void addTransposed(Matrix matrix, int first, int count, int column, int headDim, int at) {
    transpose(matrix, first, count, column, headDim, 1, at);
  }

  /**
   * Sets a right factor of at most COLUMNS rows, transposed and scaled: element (d, row), 0 where
   * there is no row.
   */
  void setBlockTransposed(
      Matrix matrix, int first, int count, int column, int headDim, float scale) {
    stride = COLUMNS;
    grow(headDim * COLUMNS);
    if (count < COLUMNS) {
      Arrays.fill(values, 0, headDim * COLUMNS, 0);
    }
    transpose(matrix, first, count, column, headDim, scale, 0);
  }

  private void transpose(
      Matrix matrix, int first, int count, int column, int headDim, float scale, int at) {
    MemorySegment source = HostBuffer.of(matrix);
    for (int row = 0; row < count; row++) {
      long from = Vectors.at(matrix, first + row) + (long) column * Float.BYTES;
      for (int d = 0; d < headDim; d++) {
        values[d * stride + at + row] = scale * Vectors.get(source, from, d);
      }
    }
  }

  /**
   * Sets a right factor of at most COLUMNS rows: panels of COLUMNS columns, in each element (row,
   * d).
   */
  void setBlock(Matrix matrix, int first, int count, int column, int headDim) {
    stride = COLUMNS;
    grow(Math.ceilDiv(headDim, COLUMNS) * COLUMNS * COLUMNS);
    MemorySegment source = HostBuffer.of(matrix);
    for (int d = 0; d < headDim; d += COLUMNS) {
      int width = Math.min(COLUMNS, headDim - d);
      for (int row = 0; row < count; row++) {
        long from = Vectors.at(matrix, first + row) + (long) (column + d) * Float.BYTES;
        MemorySegment.copy(source, Vectors.FLOAT, from, values, (d + row) * COLUMNS, width);
      }
    }
  }

  /** Stores the transpose of a block of element (d, row) as rows, each times its factor. */
  static void storeTransposed(
      float[] block, float[] factors, Matrix target, int first, int count, int column, int dim) {
    MemorySegment segment = HostBuffer.of(target);
    for (int row = 0; row < count; row++) {
      long at = Vectors.at(target, first + row) + (long) column * Float.BYTES;
      float factor = factors[row];
      for (int d = 0; d < dim; d++) {
        Vectors.set(segment, at, d, factor * block[d * COLUMNS + row]);
      }
    }
  }
}
