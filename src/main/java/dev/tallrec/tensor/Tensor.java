package dev.tallrec.tensor;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * A dense row-major tensor in off-heap (or mapped) memory, little-endian. It does not own its
 * memory: the arena of {@link #segment} does.
 *
 * @param name the name it has in its file, for messages
 * @param dtype element type
 * @param shape dimensions, outermost first
 * @param segment exactly {@code shape.elementCount() * dtype.byteSize()} bytes
 */
public record Tensor(String name, DType dtype, Shape shape, MemorySegment segment) {

  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;
  private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;

  /**
   * Throws {@link IllegalArgumentException} if the segment's size is not that of shape and dtype.
   */
  public Tensor {
    long expected = Math.multiplyExact(shape.elementCount(), dtype.byteSize());
    if (segment.byteSize() != expected) {
      throw new IllegalArgumentException(
          "tensor %s %s %s needs %d bytes, its memory has %d"
              .formatted(name, dtype, shape, expected, segment.byteSize()));
    }
  }

  /** A zeroed tensor, 64-byte aligned, owned by {@code arena}. */
  public static Tensor allocate(Arena arena, String name, DType dtype, Shape shape) {
    long bytes = Math.multiplyExact(shape.elementCount(), dtype.byteSize());
    return new Tensor(name, dtype, shape, arena.allocate(bytes, 64));
  }

  /** A fp32 copy of {@code values}, owned by {@code arena}. */
  public static Tensor ofFloats(Arena arena, String name, Shape shape, float... values) {
    Tensor tensor = allocate(arena, name, DType.F32, shape);
    MemorySegment.copy(values, 0, tensor.segment, FLOAT, 0, values.length);
    return tensor;
  }

  /**
   * Element {@code index} in row-major order as fp32.
   *
   * @throws IllegalStateException if the dtype is not F32, F16 or BF16
   */
  public float floatAt(long index) {
    return switch (dtype) {
      case F32 -> segment.getAtIndex(FLOAT, index);
      case F16 -> Float.float16ToFloat(segment.getAtIndex(SHORT, index));
      case BF16 -> BFloat16.toFloat(segment.getAtIndex(SHORT, index));
      default ->
          throw new IllegalStateException("tensor " + name + " is " + dtype + ", not a float type");
    };
  }

  /** Stores {@code value}, rounded to nearest even for F16 and BF16. */
  public void setFloatAt(long index, float value) {
    switch (dtype) {
      case F32 -> segment.setAtIndex(FLOAT, index, value);
      case F16 -> segment.setAtIndex(SHORT, index, Float.floatToFloat16(value));
      case BF16 -> segment.setAtIndex(SHORT, index, BFloat16.fromFloat(value));
      default ->
          throw new IllegalStateException("tensor " + name + " is " + dtype + ", not a float type");
    }
  }

  /**
   * All elements as fp32, copied to the heap: for small tensors (adapters, tests), not for weights.
   */
  public float[] toFloats() {
    float[] values = new float[Math.toIntExact(shape.elementCount())];
    for (int i = 0; i < values.length; i++) {
      values[i] = floatAt(i);
    }
    return values;
  }

  /** All elements of an I64 tensor, copied to the heap. */
  public long[] toLongs() {
    if (dtype != DType.I64) {
      throw new IllegalStateException("tensor " + name + " is " + dtype + ", not I64");
    }
    return segment.toArray(ValueLayout.JAVA_LONG_UNALIGNED);
  }
}
