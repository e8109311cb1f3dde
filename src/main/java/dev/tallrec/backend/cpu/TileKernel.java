package dev.tallrec.backend.cpu;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The innermost part of products: a few rows by two vectors, whose sums stay in registers, of
 * factors that lie in panels. Attention multiplies its heads with it, and with {@link PanelKernel},
 * its like, as {@link Gemm} does large matrices.
 */
final class TileKernel {

  private static final VectorSpecies<Float> FLOATS = VectorMath.FLOATS;
  private static final int LANES = FLOATS.length();

  /**
   * Rows of a tile. Sums, two parts of B's row and an element of A must fit the registers: 32 of
   * 512 bits, 16 of others, where more than 4 rows spill.
   */
  static final int ROWS = LANES == 16 ? 12 : 4;

  /** Columns of a tile. */
  static final int COLUMNS = 2 * LANES;

  // What sums start from that are not added to anything.
  private static final float[] ZEROS = new float[COLUMNS];

  private TileKernel() {}

  /**
   * A tile: the product of ROWS rows of A, of which row r begins at {@code aAt + r * aStride}, and
   * a panel of B, k-major from {@code bAt} on. It goes to an array, row by row: stores to memory
   * segments, inlined so many times, would be beyond what the compiler takes, and vectors would be
   * objects on the heap.
   *
   * <p>Rows of A and columns of B that nobody has set yield nothing but elements of the tile that
   * nobody stores.
   *
   * @param add whether the product is added to what is there
   */
  static void kernel(
      float[] a,
      int aAt,
      int aStride,
      float[] b,
      int bAt,
      int depths,
      boolean add,
      float[] tile,
      int tileAt) {
    float[] start = add ? tile : ZEROS;
    int startAt = add ? tileAt : 0;
    int startStride = add ? COLUMNS : 0;
    if (ROWS == 12) {
      kernel12(a, aAt, aStride, b, bAt, depths, start, startAt, startStride, tile, tileAt);
    } else {
      kernel4(a, aAt, aStride, b, bAt, depths, start, startAt, startStride, tile, tileAt);
    }
  }

  private static void kernel4(
      float[] a,
      int aAt,
      int aStride,
      float[] b,
      int bAt,
      int depths,
      float[] start,
      int startAt,
      int startStride,
      float[] tile,
      int tileAt) {
    int from = startAt;
    FloatVector left0 = FloatVector.fromArray(FLOATS, start, from);
    FloatVector right0 = FloatVector.fromArray(FLOATS, start, from + LANES);
    from += startStride;
    FloatVector left1 = FloatVector.fromArray(FLOATS, start, from);
    FloatVector right1 = FloatVector.fromArray(FLOATS, start, from + LANES);
    from += startStride;
    FloatVector left2 = FloatVector.fromArray(FLOATS, start, from);
    FloatVector right2 = FloatVector.fromArray(FLOATS, start, from + LANES);
    from += startStride;
    FloatVector left3 = FloatVector.fromArray(FLOATS, start, from);
    FloatVector right3 = FloatVector.fromArray(FLOATS, start, from + LANES);
    for (int p = 0; p < depths; p++) {
      FloatVector left = FloatVector.fromArray(FLOATS, b, bAt + p * COLUMNS);
      FloatVector right = FloatVector.fromArray(FLOATS, b, bAt + p * COLUMNS + LANES);
      int at = aAt + p;
      FloatVector factor = FloatVector.broadcast(FLOATS, a[at]);
      left0 = factor.fma(left, left0);
      right0 = factor.fma(right, right0);
      factor = FloatVector.broadcast(FLOATS, a[at + aStride]);
      left1 = factor.fma(left, left1);
      right1 = factor.fma(right, right1);
      factor = FloatVector.broadcast(FLOATS, a[at + 2 * aStride]);
      left2 = factor.fma(left, left2);
      right2 = factor.fma(right, right2);
      factor = FloatVector.broadcast(FLOATS, a[at + 3 * aStride]);
      left3 = factor.fma(left, left3);
      right3 = factor.fma(right, right3);
    }
    left0.intoArray(tile, tileAt);
    right0.intoArray(tile, tileAt + LANES);
    left1.intoArray(tile, tileAt + COLUMNS);
    right1.intoArray(tile, tileAt + COLUMNS + LANES);
    left2.intoArray(tile, tileAt + 2 * COLUMNS);
    right2.intoArray(tile, tileAt + 2 * COLUMNS + LANES);
    left3.intoArray(tile, tileAt + 3 * COLUMNS);
    right3.intoArray(tile, tileAt + 3 * COLUMNS + LANES);
  }

  private static void kernel12(
      float[] a,
      int aAt,
      int aStride,
      float[] b,
      int bAt,
      int depths,
      float[] start,
      int startAt,
      int startStride,
      float[] tile,
      int tileAt) {
    int from = startAt;
    FloatVector left0 = FloatVector.fromArray(FLOATS, start, from);
    FloatVector right0 = FloatVector.fromArray(FLOATS, start, from + LANES);
    from += startStride;
    FloatVector left1 = FloatVector.fromArray(FLOATS, start, from);
    FloatVector right1 = FloatVector.fromArray(FLOATS, start, from + LANES);
    from += startStride;
    FloatVector left2 = FloatVector.fromArray(FLOATS, start, from);
    FloatVector right2 = FloatVector.fromArray(FLOATS, start, from + LANES);
    from += startStride;
    FloatVector left3 = FloatVector.fromArray(FLOATS, start, from);
    FloatVector right3 = FloatVector.fromArray(FLOATS, start, from + LANES);
    from += startStride;
    FloatVector left4 = FloatVector.fromArray(FLOATS, start, from);
    FloatVector right4 = FloatVector.fromArray(FLOATS, start, from + LANES);
    from += startStride;
    FloatVector left5 = FloatVector.fromArray(FLOATS, start, from);
    FloatVector right5 = FloatVector.fromArray(FLOATS, start, from + LANES);
    from += startStride;
    FloatVector left6 = FloatVector.fromArray(FLOATS, start, from);
    FloatVector right6 = FloatVector.fromArray(FLOATS, start, from + LANES);
    from += startStride;
    FloatVector left7 = FloatVector.fromArray(FLOATS, start, from);
    FloatVector right7 = FloatVector.fromArray(FLOATS, start, from + LANES);
    from += startStride;
    FloatVector left8 = FloatVector.fromArray(FLOATS, start, from);
    FloatVector right8 = FloatVector.fromArray(FLOATS, start, from + LANES);
    from += startStride;
    FloatVector left9 = FloatVector.fromArray(FLOATS, start, from);
    FloatVector right9 = FloatVector.fromArray(FLOATS, start, from + LANES);
    from += startStride;
    FloatVector left10 = FloatVector.fromArray(FLOATS, start, from);
    FloatVector right10 = FloatVector.fromArray(FLOATS, start, from + LANES);
    from += startStride;
    FloatVector left11 = FloatVector.fromArray(FLOATS, start, from);
    FloatVector right11 = FloatVector.fromArray(FLOATS, start, from + LANES);
    for (int p = 0; p < depths; p++) {
      FloatVector left = FloatVector.fromArray(FLOATS, b, bAt + p * COLUMNS);
      FloatVector right = FloatVector.fromArray(FLOATS, b, bAt + p * COLUMNS + LANES);
      int at = aAt + p;
      FloatVector factor = FloatVector.broadcast(FLOATS, a[at]);
      left0 = factor.fma(left, left0);
      right0 = factor.fma(right, right0);
      factor = FloatVector.broadcast(FLOATS, a[at + aStride]);
      left1 = factor.fma(left, left1);
      right1 = factor.fma(right, right1);
      factor = FloatVector.broadcast(FLOATS, a[at + 2 * aStride]);
      left2 = factor.fma(left, left2);
      right2 = factor.fma(right, right2);
      factor = FloatVector.broadcast(FLOATS, a[at + 3 * aStride]);
      left3 = factor.fma(left, left3);
      right3 = factor.fma(right, right3);
      factor = FloatVector.broadcast(FLOATS, a[at + 4 * aStride]);
      left4 = factor.fma(left, left4);
      right4 = factor.fma(right, right4);
      factor = FloatVector.broadcast(FLOATS, a[at + 5 * aStride]);
      left5 = factor.fma(left, left5);
      right5 = factor.fma(right, right5);
      factor = FloatVector.broadcast(FLOATS, a[at + 6 * aStride]);
      left6 = factor.fma(left, left6);
      right6 = factor.fma(right, right6);
      factor = FloatVector.broadcast(FLOATS, a[at + 7 * aStride]);
      left7 = factor.fma(left, left7);
      right7 = factor.fma(right, right7);
      factor = FloatVector.broadcast(FLOATS, a[at + 8 * aStride]);
      left8 = factor.fma(left, left8);
      right8 = factor.fma(right, right8);
      factor = FloatVector.broadcast(FLOATS, a[at + 9 * aStride]);
      left9 = factor.fma(left, left9);
      right9 = factor.fma(right, right9);
      factor = FloatVector.broadcast(FLOATS, a[at + 10 * aStride]);
      left10 = factor.fma(left, left10);
      right10 = factor.fma(right, right10);
      factor = FloatVector.broadcast(FLOATS, a[at + 11 * aStride]);
      left11 = factor.fma(left, left11);
      right11 = factor.fma(right, right11);
    }
    left0.intoArray(tile, tileAt);
    right0.intoArray(tile, tileAt + LANES);
    left1.intoArray(tile, tileAt + COLUMNS);
    right1.intoArray(tile, tileAt + COLUMNS + LANES);
    left2.intoArray(tile, tileAt + 2 * COLUMNS);
    right2.intoArray(tile, tileAt + 2 * COLUMNS + LANES);
    left3.intoArray(tile, tileAt + 3 * COLUMNS);
    right3.intoArray(tile, tileAt + 3 * COLUMNS + LANES);
    left4.intoArray(tile, tileAt + 4 * COLUMNS);
    right4.intoArray(tile, tileAt + 4 * COLUMNS + LANES);
    left5.intoArray(tile, tileAt + 5 * COLUMNS);
    right5.intoArray(tile, tileAt + 5 * COLUMNS + LANES);
    left6.intoArray(tile, tileAt + 6 * COLUMNS);
    right6.intoArray(tile, tileAt + 6 * COLUMNS + LANES);
    left7.intoArray(tile, tileAt + 7 * COLUMNS);
    right7.intoArray(tile, tileAt + 7 * COLUMNS + LANES);
    left8.intoArray(tile, tileAt + 8 * COLUMNS);
    right8.intoArray(tile, tileAt + 8 * COLUMNS + LANES);
    left9.intoArray(tile, tileAt + 9 * COLUMNS);
    right9.intoArray(tile, tileAt + 9 * COLUMNS + LANES);
    left10.intoArray(tile, tileAt + 10 * COLUMNS);
    right10.intoArray(tile, tileAt + 10 * COLUMNS + LANES);
    left11.intoArray(tile, tileAt + 11 * COLUMNS);
    right11.intoArray(tile, tileAt + 11 * COLUMNS + LANES);
  }

  /**
   * Stores a tile, or the part of it that lies within C, or adds it to what is there.
   *
   * @param height rows, of which a tile may have any number here
   */
  static void store(
      float[] tile,
      int tileAt,
      MemorySegment c,
      long target,
      long stride,
      int height,
      int width,
      boolean add) {
    MemorySegment memory = HostBuffer.offHeap(c);
    for (int i = 0; i < height; i++) {
      long at = (target + i * stride) * Float.BYTES;
      int j = 0;
      for (; j < FLOATS.loopBound(width); j += LANES) {
        FloatVector value = FloatVector.fromArray(FLOATS, tile, tileAt + i * COLUMNS + j);
        Vectors.store(add ? value.add(Vectors.load(memory, at, j)) : value, memory, at, j);
      }
      for (; j < width; j++) {
        float value = tile[tileAt + i * COLUMNS + j];
        Vectors.set(memory, at, j, add ? Vectors.get(memory, at, j) + value : value);
      }
    }
  }
}
