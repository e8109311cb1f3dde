package dev.tallrec.backend.cpu;

import dev.tallrec.backend.Matrix;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/**
 * Rows of one head of a matrix, copied into a form that {@link TileKernel} or {@link PanelKernel}
 * multiplies; grown to the largest asked for.
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
    stride = headDim;
    // The kernel reads whole tiles of rows, and panels are made by whole vectors.
    grow((rows + TileKernel.ROWS) * stride + Vectors.LANES);
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

  /**
   * Sets a left factor, the transpose of the first {@code count} rows of {@code rows}, in panels
   * for {@link PanelKernel}: in each of them ROWS columns, from row to row STRIDE apart.
   */
  void setPanels(HeadPanel rows, int count, int headDim) {
    stride = count * PanelKernel.STRIDE;
    int panels = Math.ceilDiv(headDim, PanelKernel.ROWS);
    grow(panels * stride + Vectors.LANES);
    for (int panel = 0; panel < panels; panel++) {
      int from = panel * PanelKernel.ROWS;
      copy(rows.values, from, rows.stride, count, values, panel * stride);
    }
  }

  // Whole vectors, though those of 16 elements reach into the next row's place: that is set after.
  private static void copy(float[] rows, int from, int apart, int count, float[] panel, int at) {
    for (int row = 0; row < count; row++) {
      for (int d = 0; d < PanelKernel.ROWS; d += Vectors.LANES) {
        FloatVector.fromArray(Vectors.FLOATS, rows, from + row * apart + d)
            .intoArray(panel, at + row * PanelKernel.STRIDE + d);
      }
    }
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
    MemorySegment source = HostBuffer.of(matrix);
    for (int row = 0; row < count; row++) {
      long from = Vectors.at(matrix, first + row) + (long) column * Float.BYTES;
      for (int d = 0; d < headDim; d++) {
        values[d * stride + row] = scale * Vectors.get(source, from, d);
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
