package dev.tallrec.backend.cpu;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The innermost part of large products, and of those of attention whose left factor is a transpose:
 * a tile like that of {@link TileKernel}, of which the left factor lies in a panel, too, its rows
 * side by side for each k. A single address then steps through it. Rows that lie apart take one
 * each, which cost instructions and registers; turning a panel is worth that from some hundred
 * columns of the right factor on.
 */
final class PanelKernel {

  private static final VectorSpecies<Float> FLOATS = VectorMath.FLOATS;
  private static final int LANES = FLOATS.length();
  private static final int COLUMNS = TileKernel.COLUMNS;

  /**
   * Rows of a panel and of a tile: as many as leave room in the registers, 32 of 512 bits, 16 of
   * others, for two parts of B's row and for elements of A.
   */
  static final int ROWS = LANES == 16 ? 12 : 6;

  /** Elements of a panel from one k to the next: its rows, and with 6 of them two of no meaning. */
  static final int STRIDE = LANES == 16 ? 12 : 8;

  // No index of an element: branches on them are never taken, and keep C2 from reading all factors
  // before it uses the first, for which 16 registers are not enough: sums would go to the stack and
  // come back at every k, in three times the time. Two, since of one condition C2 makes one branch.
  private static final int NEVER = -1;
  private static final int NOR_THIS = -2;

  private PanelKernel() {}

  /**
   * A tile: the product of a panel of ROWS rows, k-major from {@code aAt} on, and a panel of
   * COLUMNS columns, k-major from {@code bAt} on, written to {@code tile} row by row.
   *
   * <p>Rows and columns that nobody has set yield nothing but elements of the tile that nobody
   * stores.
   */
  static void kernel(float[] a, int aAt, float[] b, int bAt, int depths, float[] tile, int tileAt) {
    if (ROWS == 12) {
      kernel12(a, aAt, b, bAt, depths, tile, tileAt);
    } else {
      kernel6(a, aAt, b, bAt, depths, tile, tileAt);
    }
  }

  private static void kernel6(
      float[] a, int aAt, float[] b, int bAt, int depths, float[] tile, int tileAt) {
    FloatVector zero = FloatVector.zero(FLOATS);
    FloatVector left0 = zero;
    FloatVector right0 = zero;
    FloatVector left1 = zero;
    FloatVector right1 = zero;
    FloatVector left2 = zero;
    FloatVector right2 = zero;
    FloatVector left3 = zero;
    FloatVector right3 = zero;
    FloatVector left4 = zero;
    FloatVector right4 = zero;
    FloatVector left5 = zero;
    FloatVector right5 = zero;
    for (int p = 0; p < depths; p++) {
      FloatVector left = FloatVector.fromArray(FLOATS, b, bAt + p * COLUMNS);
      FloatVector right = FloatVector.fromArray(FLOATS, b, bAt + p * COLUMNS + LANES);
      int at = aAt + p * 8;
      FloatVector factor = FloatVector.broadcast(FLOATS, a[at]);
      left0 = factor.fma(left, left0);
      right0 = factor.fma(right, right0);
      factor = FloatVector.broadcast(FLOATS, a[at + 1]);
      left1 = factor.fma(left, left1);
      right1 = factor.fma(right, right1);
      if (at == NEVER) {
        break;
      }
      factor = FloatVector.broadcast(FLOATS, a[at + 2]);
      left2 = factor.fma(left, left2);
      right2 = factor.fma(right, right2);
      factor = FloatVector.broadcast(FLOATS, a[at + 3]);
      left3 = factor.fma(left, left3);
      right3 = factor.fma(right, right3);
      if (at == NOR_THIS) {
        break;
      }
      factor = FloatVector.broadcast(FLOATS, a[at + 4]);
      left4 = factor.fma(left, left4);
      right4 = factor.fma(right, right4);
      factor = FloatVector.broadcast(FLOATS, a[at + 5]);
      left5 = factor.fma(left, left5);
      right5 = factor.fma(right, right5);
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
  }

  private static void kernel12(
      float[] a, int aAt, float[] b, int bAt, int depths, float[] tile, int tileAt) {
    FloatVector zero = FloatVector.zero(FLOATS);
    FloatVector left0 = zero;
    FloatVector right0 = zero;
    FloatVector left1 = zero;
    FloatVector right1 = zero;
    FloatVector left2 = zero;
    FloatVector right2 = zero;
    FloatVector left3 = zero;
    FloatVector right3 = zero;
    FloatVector left4 = zero;
    FloatVector right4 = zero;
    FloatVector left5 = zero;
    FloatVector right5 = zero;
    FloatVector left6 = zero;
    FloatVector right6 = zero;
    FloatVector left7 = zero;
    FloatVector right7 = zero;
    FloatVector left8 = zero;
    FloatVector right8 = zero;
    FloatVector left9 = zero;
    FloatVector right9 = zero;
    FloatVector left10 = zero;
    FloatVector right10 = zero;
    FloatVector left11 = zero;
    FloatVector right11 = zero;
    int p = 0;
    for (; p < depths - 1; p += 2) {
      FloatVector left = FloatVector.fromArray(FLOATS, b, bAt + p * COLUMNS);
      FloatVector right = FloatVector.fromArray(FLOATS, b, bAt + p * COLUMNS + LANES);
      int at = aAt + p * 12;
      FloatVector factor = FloatVector.broadcast(FLOATS, a[at]);
      left0 = factor.fma(left, left0);
      right0 = factor.fma(right, right0);
      factor = FloatVector.broadcast(FLOATS, a[at + 1]);
      left1 = factor.fma(left, left1);
      right1 = factor.fma(right, right1);
      factor = FloatVector.broadcast(FLOATS, a[at + 2]);
      left2 = factor.fma(left, left2);
      right2 = factor.fma(right, right2);
      factor = FloatVector.broadcast(FLOATS, a[at + 3]);
      left3 = factor.fma(left, left3);
      right3 = factor.fma(right, right3);
      factor = FloatVector.broadcast(FLOATS, a[at + 4]);
      left4 = factor.fma(left, left4);
      right4 = factor.fma(right, right4);
      factor = FloatVector.broadcast(FLOATS, a[at + 5]);
      left5 = factor.fma(left, left5);
      right5 = factor.fma(right, right5);
      factor = FloatVector.broadcast(FLOATS, a[at + 6]);
      left6 = factor.fma(left, left6);
      right6 = factor.fma(right, right6);
      factor = FloatVector.broadcast(FLOATS, a[at + 7]);
      left7 = factor.fma(left, left7);
      right7 = factor.fma(right, right7);
      factor = FloatVector.broadcast(FLOATS, a[at + 8]);
      left8 = factor.fma(left, left8);
      right8 = factor.fma(right, right8);
      factor = FloatVector.broadcast(FLOATS, a[at + 9]);
      left9 = factor.fma(left, left9);
      right9 = factor.fma(right, right9);
      factor = FloatVector.broadcast(FLOATS, a[at + 10]);
      left10 = factor.fma(left, left10);
      right10 = factor.fma(right, right10);
      factor = FloatVector.broadcast(FLOATS, a[at + 11]);
      left11 = factor.fma(left, left11);
      right11 = factor.fma(right, right11);
      left = FloatVector.fromArray(FLOATS, b, bAt + p * COLUMNS + COLUMNS);
      right = FloatVector.fromArray(FLOATS, b, bAt + p * COLUMNS + COLUMNS + LANES);
      factor = FloatVector.broadcast(FLOATS, a[at + 12]);
      left0 = factor.fma(left, left0);
      right0 = factor.fma(right, right0);
      factor = FloatVector.broadcast(FLOATS, a[at + 13]);
      left1 = factor.fma(left, left1);
      right1 = factor.fma(right, right1);
      factor = FloatVector.broadcast(FLOATS, a[at + 14]);
      left2 = factor.fma(left, left2);
      right2 = factor.fma(right, right2);
      factor = FloatVector.broadcast(FLOATS, a[at + 15]);
      left3 = factor.fma(left, left3);
      right3 = factor.fma(right, right3);
      factor = FloatVector.broadcast(FLOATS, a[at + 16]);
      left4 = factor.fma(left, left4);
      right4 = factor.fma(right, right4);
      factor = FloatVector.broadcast(FLOATS, a[at + 17]);
      left5 = factor.fma(left, left5);
      right5 = factor.fma(right, right5);
      factor = FloatVector.broadcast(FLOATS, a[at + 18]);
      left6 = factor.fma(left, left6);
      right6 = factor.fma(right, right6);
      factor = FloatVector.broadcast(FLOATS, a[at + 19]);
      left7 = factor.fma(left, left7);
      right7 = factor.fma(right, right7);
      factor = FloatVector.broadcast(FLOATS, a[at + 20]);
      left8 = factor.fma(left, left8);
      right8 = factor.fma(right, right8);
      factor = FloatVector.broadcast(FLOATS, a[at + 21]);
      left9 = factor.fma(left, left9);
      right9 = factor.fma(right, right9);
      factor = FloatVector.broadcast(FLOATS, a[at + 22]);
      left10 = factor.fma(left, left10);
      right10 = factor.fma(right, right10);
      factor = FloatVector.broadcast(FLOATS, a[at + 23]);
      left11 = factor.fma(left, left11);
      right11 = factor.fma(right, right11);
    }
    if (p < depths) {
      FloatVector left = FloatVector.fromArray(FLOATS, b, bAt + p * COLUMNS);
      FloatVector right = FloatVector.fromArray(FLOATS, b, bAt + p * COLUMNS + LANES);
      int at = aAt + p * 12;
      FloatVector factor = FloatVector.broadcast(FLOATS, a[at]);
      left0 = factor.fma(left, left0);
      right0 = factor.fma(right, right0);
      factor = FloatVector.broadcast(FLOATS, a[at + 1]);
      left1 = factor.fma(left, left1);
      right1 = factor.fma(right, right1);
      factor = FloatVector.broadcast(FLOATS, a[at + 2]);
      left2 = factor.fma(left, left2);
      right2 = factor.fma(right, right2);
      factor = FloatVector.broadcast(FLOATS, a[at + 3]);
      left3 = factor.fma(left, left3);
      right3 = factor.fma(right, right3);
      factor = FloatVector.broadcast(FLOATS, a[at + 4]);
      left4 = factor.fma(left, left4);
      right4 = factor.fma(right, right4);
      factor = FloatVector.broadcast(FLOATS, a[at + 5]);
      left5 = factor.fma(left, left5);
      right5 = factor.fma(right, right5);
      factor = FloatVector.broadcast(FLOATS, a[at + 6]);
      left6 = factor.fma(left, left6);
      right6 = factor.fma(right, right6);
      factor = FloatVector.broadcast(FLOATS, a[at + 7]);
      left7 = factor.fma(left, left7);
      right7 = factor.fma(right, right7);
      factor = FloatVector.broadcast(FLOATS, a[at + 8]);
      left8 = factor.fma(left, left8);
      right8 = factor.fma(right, right8);
      factor = FloatVector.broadcast(FLOATS, a[at + 9]);
      left9 = factor.fma(left, left9);
      right9 = factor.fma(right, right9);
      factor = FloatVector.broadcast(FLOATS, a[at + 10]);
      left10 = factor.fma(left, left10);
      right10 = factor.fma(right, right10);
      factor = FloatVector.broadcast(FLOATS, a[at + 11]);
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
}
