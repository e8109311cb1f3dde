package dev.tallrec.backend.cpu;

import dev.tallrec.backend.Matrix;
import java.lang.foreign.MemorySegment;

/** Rows of fp32 in host memory: a {@link Matrix} that is set anew instead of made anew. */
final class Grid {

  private MemorySegment segment = MemorySegment.NULL;
  private long start;
  private long stride;
  private int rows;
  private int columns;

  Grid set(Matrix matrix) {
    segment = HostBuffer.of(matrix);
    start = Vectors.at(matrix, 0);
    stride = (long) matrix.stride() * Float.BYTES;
    rows = matrix.rows();
    columns = matrix.columns();
    return this;
  }

  /** Dense rows in memory of {@code region}, not cleared. */
  Grid set(Scratch.Region region, int rowCount, int columnCount) {
    segment = region.atLeast((long) rowCount * columnCount * Float.BYTES);
    start = 0;
    stride = (long) columnCount * Float.BYTES;
    rows = rowCount;
    columns = columnCount;
    return this;
  }

  MemorySegment segment() {
    return HostBuffer.offHeap(segment);
  }

  /** Where the row begins, in bytes. */
  long at(int row) {
    return start + row * stride;
  }

  /** From the beginning of a row to that of the next, in bytes. */
  long stride() {
    return stride;
  }

  int rows() {
    return rows;
  }

  int columns() {
    return columns;
  }
}
