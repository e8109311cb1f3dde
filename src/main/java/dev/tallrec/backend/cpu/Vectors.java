package dev.tallrec.backend.cpu;

import dev.tallrec.backend.Matrix;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * Loads, stores and reductions over rows of fp32. Offsets are in bytes.
 *
 * <p>Loops over vectors end at {@code loopBound}. With {@code i <= length - LANES} the compiler
 * takes i for larger than it gets, its check ahead of the loop fails for the last row of a buffer,
 * and the loop is compiled anew again and again.
 */
final class Vectors {

  static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;
  static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;
  static final VectorSpecies<Float> FLOATS = VectorMath.FLOATS;
  static final int LANES = FLOATS.length();
  private static final List<VectorShuffle<Float>> HALVES = halves();

  private Vectors() {}

  private static List<VectorShuffle<Float>> halves() {
    List<VectorShuffle<Float>> shuffles = new ArrayList<>();
    for (int half = LANES / 2; half > 0; half /= 2) {
      int distance = half;
      shuffles.add(VectorShuffle.fromOp(FLOATS, lane -> (lane + distance) % LANES));
    }
    return List.copyOf(shuffles);
  }

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

  /**
   * Sum of the lanes, by halves. {@code reduceLanes} leaves the order open, and compiled code takes
   * another than interpreted code: the same input would give two results.
   */
  static float sum(FloatVector values) {
    FloatVector sum = values;
    for (int i = 0; i < HALVES.size(); i++) {
      sum = sum.add(sum.rearrange(HALVES.get(i)));
    }
    return sum.lane(0);
  }

  /** Sum of x[i] * y[i]. */
  static float dot(MemorySegment x, long xAt, MemorySegment y, long yAt, int length) {
    FloatVector sum = FloatVector.zero(FLOATS);
    int i = 0;
    for (; i < FLOATS.loopBound(length); i += LANES) {
      sum = load(x, xAt, i).fma(load(y, yAt, i), sum);
    }
    float total = sum(sum);
    for (; i < length; i++) {
      total += get(x, xAt, i) * get(y, yAt, i);
    }
    return total;
  }

  /** Largest of the values; -infinity if there are none. */
  static float max(MemorySegment values, long at, int length) {
    // Not from the first vector on: the compiler keeps one that is loaded before the loop as an
    // object on the heap.
    FloatVector maxima = FloatVector.broadcast(FLOATS, Float.NEGATIVE_INFINITY);
    int i = 0;
    for (; i < FLOATS.loopBound(length); i += LANES) {
      maxima = VectorMath.max(maxima, load(values, at, i));
    }
    float max = maxima.reduceLanes(VectorOperators.MAX);
    for (; i < length; i++) {
      max = Math.max(max, get(values, at, i));
    }
    return max;
  }

  /** x *= factor. */
  static void scale(float factor, MemorySegment x, long at, int length) {
    int i = 0;
    for (; i < FLOATS.loopBound(length); i += LANES) {
      store(load(x, at, i).mul(factor), x, at, i);
    }
    for (; i < length; i++) {
      set(x, at, i, get(x, at, i) * factor);
    }
  }

  /** Every element of some columns = 0. */
  static void clear(Matrix matrix, int column, int columns) {
    MemorySegment segment = HostBuffer.of(matrix);
    for (int row = 0; row < matrix.rows(); row++) {
      clear(segment, at(matrix, row) + (long) column * Float.BYTES, columns);
    }
  }

  /** x = 0. A loop, since a slice to fill would be an object. */
  static void clear(MemorySegment x, long at, int length) {
    FloatVector zero = FloatVector.zero(FLOATS);
    int i = 0;
    for (; i < FLOATS.loopBound(length); i += LANES) {
      store(zero, x, at, i);
    }
    for (; i < length; i++) {
      set(x, at, i, 0);
    }
  }

  /** y += factor * x. */
  static void addScaled(
      float factor, MemorySegment x, long xAt, MemorySegment y, long yAt, int length) {
    FloatVector factors = FloatVector.broadcast(FLOATS, factor);
    int i = 0;
    for (; i < FLOATS.loopBound(length); i += LANES) {
      store(load(x, xAt, i).fma(factors, load(y, yAt, i)), y, yAt, i);
    }
    for (; i < length; i++) {
      set(y, yAt, i, Math.fma(get(x, xAt, i), factor, get(y, yAt, i)));
    }
  }
}
