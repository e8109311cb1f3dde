package dev.tallrec.backend.cpu;

import dev.tallrec.backend.Buffer;
import dev.tallrec.backend.Indices;
import dev.tallrec.backend.Matrix;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Device memory that is host memory. */
record HostBuffer(MemorySegment segment) implements Buffer {

  static MemorySegment of(Buffer buffer) {
    if (buffer instanceof HostBuffer(MemorySegment segment)) {
      return segment;
    }
    throw new IllegalArgumentException("a buffer of another device: " + buffer.getClass());
  }

  static MemorySegment of(Matrix matrix) {
    return of(matrix.buffer());
  }

  static int get(Indices indices, int index) {
    return of(indices.buffer())
        .getAtIndex(ValueLayout.JAVA_INT_UNALIGNED, indices.offset() + index);
  }

  @Override
  public long byteSize() {
    return segment.byteSize();
  }

  @Override
  public Buffer slice(long byteOffset, long byteSize) {
    return new HostBuffer(segment.asSlice(byteOffset, byteSize));
  }
}
