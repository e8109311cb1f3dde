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
      return offHeap(segment);
    }
    throw new IllegalArgumentException("a buffer of another device: " + buffer.getClass());
  }

  /**
   * The same segment. Asked, it has told the compiler that it is memory outside the heap, to which
   * stores change nothing that a loop knows: its bounds are then checked once, ahead of the loop.
   * The compiler does not see that by itself, since Java's own reinterpretation of vectors, until
   * it is compiled, stores to segments on the heap (half the time of SwiGLU, where that is not
   * told).
   *
   * @throws IllegalArgumentException if it is on the heap
   */
  static MemorySegment offHeap(MemorySegment segment) {
    if (!segment.isNative()) {
      throw new IllegalArgumentException("memory of a device is outside the heap");
    }
    return segment;
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
