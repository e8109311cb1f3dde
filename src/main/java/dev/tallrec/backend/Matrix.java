package dev.tallrec.backend;

import dev.tallrec.tensor.DType;
import java.util.Objects;

/**
 * A row-major view of device memory. Rows are {@code stride} elements apart, so that a block of
 * columns (q within q|k|v) is a matrix too.
 *
 * @param buffer the memory
 * @param dtype F32, F16 or BF16
 * @param offset elements from the start of the buffer to the first element
 * @param rows number of rows
 * @param columns elements in a row
 * @param stride elements from one row to the next, at least {@code columns}
 */
public record Matrix(Buffer buffer, DType dtype, long offset, int rows, int columns, int stride) {

  /** Throws {@link IndexOutOfBoundsException} if the view does not lie within the buffer. */
  public Matrix {
    if (!dtype.isWeight()) {
      throw new IllegalArgumentException("a matrix of " + dtype + " cannot be computed with");
    }
    if (rows < 0 || columns < 0 || stride < columns || offset < 0) {
      throw new IndexOutOfBoundsException(
          "matrix of %d x %d, stride %d, offset %d".formatted(rows, columns, stride, offset));
    }
    long end = rows == 0 ? offset : offset + (rows - 1L) * stride + columns;
    if (Math.multiplyExact(end, dtype.byteSize()) > buffer.byteSize()) {
      throw new IndexOutOfBoundsException(
          "matrix of %d x %d %s, stride %d, offset %d does not fit a buffer of %d bytes"
              .formatted(rows, columns, dtype, stride, offset, buffer.byteSize()));
    }
  }

  /** A dense zeroed matrix in memory of its own. */
  public static Matrix allocate(
      DeviceArena arena, String label, DType dtype, int rows, int columns) {
    Buffer buffer =
        arena.allocate(Math.multiplyExact((long) rows * columns, dtype.byteSize()), label);
    return new Matrix(buffer, dtype, 0, rows, columns, columns);
  }

  /** Rows {@code first} to {@code first + count - 1}. */
  public Matrix rows(int first, int count) {
    Objects.checkFromIndexSize(first, count, rows);
    return new Matrix(buffer, dtype, offset + (long) first * stride, count, columns, stride);
  }

  /** Columns {@code first} to {@code first + count - 1}. */
  public Matrix columns(int first, int count) {
    Objects.checkFromIndexSize(first, count, columns);
    return new Matrix(buffer, dtype, offset + first, rows, count, stride);
  }

  /** Element count, without the gaps between rows. */
  public long elementCount() {
    return (long) rows * columns;
  }

  /** Bytes of the elements, without the gaps between rows. */
  public long elementBytes() {
    return elementCount() * dtype.byteSize();
  }

  /** The buffer's part that holds this matrix, from its first element to its last. */
  public Buffer bytes() {
    long elements = rows == 0 ? 0 : (rows - 1L) * stride + columns;
    return buffer.slice(offset * dtype.byteSize(), elements * dtype.byteSize());
  }
}
