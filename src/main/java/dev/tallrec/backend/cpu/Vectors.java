package dev.tallrec.backend.cpu;

import dev.tallrec.backend.Matrix;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/** Loads, stores and reductions over rows of fp32. Offsets are in bytes. */
final class Vectors {

  static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;
  static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;
  static final VectorSpecies<Float> FLOATS = VectorMath.FLOATS;
  static final int LANES = FLOATS.length();

  private Vectors() {}

  static long at(Matrix matrix, int row) {
    return (matrix.offset() + (long) row * matrix.stride()) * Float.BYTES;
  }

  static FloatVector load(MemorySegment segment, long at, int index) {
    return FloatVector.fromMemorySegment(FLOATS, segment, at + (long) index * Float.BYTES, ORDER);
  }

  static void store(FloatVector value, MemorySegment segment, long at, int index) {
    value.intoMemorySegment(segment, at + (long) index * Float.BYTES, ORDER);
  }

  static float get(MemorySegment segment, long at, int index) {
    return segment.get(FLOAT, at + (long) index * Float.BYTES);
  }

  static void set(MemorySegment segment, long at, int index, float value) {
    segment.set(FLOAT, at + (long) index * Float.BYTES, value);
  }

  /** Sum of the lanes, always in the same order. */
  static float sum(FloatVector values) {
    return values.reduceLanes(VectorOperators.ADD);
  }

  /** Sum of x[i] * y[i]. */
  static float dot(MemorySegment x, long xAt, MemorySegment y, long yAt, int length) {
    FloatVector sum = FloatVector.zero(FLOATS);
    int i = 0;
    for (; i <= length - LANES; i += LANES) {
      sum = load(x, xAt, i).fma(load(y, yAt, i), sum);
    }
    float total = sum(sum);
    for (; i < length; i++) {
      total += get(x, xAt, i) * get(y, yAt, i);
    }
    return total;
  }

  /** x *= factor. */
  static void scale(float factor, MemorySegment x, long at, int length) {
    int i = 0;
    for (; i <= length - LANES; i += LANES) {
      store(load(x, at, i).mul(factor), x, at, i);
    }
    for (; i < length; i++) {
      set(x, at, i, get(x, at, i) * factor);
    }
  }

  /** Every element = 0. */
  static void clear(Matrix matrix) {
    MemorySegment segment = HostBuffer.of(matrix);
    for (int row = 0; row < matrix.rows(); row++) {
      segment.asSlice(at(matrix, row), (long) matrix.columns() * Float.BYTES).fill((byte) 0);
    }
  }

  /** y += factor * x. */
  static void addScaled(
      float factor, MemorySegment x, long xAt, MemorySegment y, long yAt, int length) {
    FloatVector factors = FloatVector.broadcast(FLOATS, factor);
    int i = 0;
    for (; i <= length - LANES; i += LANES) {
      store(load(x, xAt, i).fma(factors, load(y, yAt, i)), y, yAt, i);
    }
    for (; i < length; i++) {
      set(y, yAt, i, Math.fma(get(x, xAt, i), factor, get(y, yAt, i)));
    }
  }
}
