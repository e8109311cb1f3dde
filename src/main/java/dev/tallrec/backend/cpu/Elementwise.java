package dev.tallrec.backend.cpu;

import dev.tallrec.backend.Matrix;
import java.lang.foreign.MemorySegment;

/** Copies and sums, a row at a time. */
final class Elementwise {

  private Elementwise() {}

  static void addRow(Matrix source, int sourceRow, Matrix target, int targetRow) {
    Vectors.addScaled(
        1,
        HostBuffer.of(source),
        Vectors.at(source, sourceRow),
        HostBuffer.of(target),
        Vectors.at(target, targetRow),
        source.columns());
  }

  static void copyRow(Matrix source, int sourceRow, Matrix target, int targetRow) {
    MemorySegment from = HostBuffer.of(source);
    MemorySegment to = HostBuffer.of(target);
    long fromIndex = source.offset() + (long) sourceRow * source.stride();
    long toIndex = target.offset() + (long) targetRow * target.stride();
    if (source.dtype() == target.dtype()) {
      long size = source.dtype().byteSize();
      MemorySegment.copy(from, fromIndex * size, to, toIndex * size, source.columns() * size);
      return;
    }
    for (int i = 0; i < source.columns(); i++) {
      Elements.set(
          target.dtype(), to, toIndex + i, Elements.get(source.dtype(), from, fromIndex + i));
    }
  }

  static void fillRow(Matrix x, int row, float value) {
    MemorySegment segment = HostBuffer.of(x);
    long index = x.offset() + (long) row * x.stride();
    for (int i = 0; i < x.columns(); i++) {
      Elements.set(x.dtype(), segment, index + i, value);
    }
  }
}
