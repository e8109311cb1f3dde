package dev.tallrec.backend.cpu;

import dev.tallrec.tensor.BFloat16;
import dev.tallrec.tensor.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Elements of any weight type as fp32. */
final class Elements {

  private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;
  private static final int PIECE = 256;

  /** Room that a thread needs to {@link #read} rows. */
  static final class Buffer {
    private final short[] halves = new short[PIECE];
  }

  private Elements() {}

  static float get(DType dtype, MemorySegment segment, long index) {
    return switch (dtype) {
      case F32 -> segment.getAtIndex(Vectors.FLOAT, index);
      case F16 -> Float.float16ToFloat(segment.getAtIndex(SHORT, index));
      case BF16 -> BFloat16.toFloat(segment.getAtIndex(SHORT, index));
      default -> throw new IllegalArgumentException("elements of type " + dtype);
    };
  }

  static void set(DType dtype, MemorySegment segment, long index, float value) {
    switch (dtype) {
      case F32 -> segment.setAtIndex(Vectors.FLOAT, index, value);
      case F16 -> segment.setAtIndex(SHORT, index, Float.floatToFloat16(value));
      case BF16 -> segment.setAtIndex(SHORT, index, BFloat16.fromFloat(value));
      default -> throw new IllegalArgumentException("elements of type " + dtype);
    }
  }

  /**
   * {@code count} neighbours from {@code index} on. Through arrays: loops over them are vectorized.
   */
  static void read(
      DType dtype,
      MemorySegment segment,
      long index,
      float[] target,
      int at,
      int count,
      Buffer buffer) {
    if (dtype == DType.F32) {
      MemorySegment.copy(segment, Vectors.FLOAT, index * Float.BYTES, target, at, count);
      return;
    }
    for (int done = 0; done < count; done += PIECE) {
      int part = Math.min(PIECE, count - done);
      MemorySegment.copy(segment, SHORT, (index + done) * Short.BYTES, buffer.halves, 0, part);
      widen(dtype, buffer.halves, target, at + done, part);
    }
  }

  private static void widen(DType dtype, short[] halves, float[] target, int at, int count) {
    switch (dtype) {
      case F16 -> {
        for (int i = 0; i < count; i++) {
          target[at + i] = Float.float16ToFloat(halves[i]);
        }
      }
      case BF16 -> {
        for (int i = 0; i < count; i++) {
          target[at + i] = Float.intBitsToFloat(halves[i] << 16);
        }
      }
      default -> throw new IllegalArgumentException("elements of type " + dtype);
    }
  }
}
