package dev.tallrec.backend.cpu;

import java.util.function.IntUnaryOperator;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Lays rows side by side for {@link PanelKernel}: the elements of all rows at one k, then at the
 * next. Twelve rows by permutations of pairs of vectors, a fourth of the time of doing it one by
 * one; six, of vectors for which CPUs have no such permutation, one by one.
 */
final class RowPanel {

  private static final VectorSpecies<Float> FLOATS = VectorMath.FLOATS;
  private static final int LANES = FLOATS.length();
  private static final int ROWS = PanelKernel.ROWS;

  /** Most elements beyond a panel's last that {@link #interleave} writes. */
  static final int SLACK = LANES * ROWS;

  // Of a and b: a0 b0 a1 b1 ..., the first and the second half of it.
  private static final FloatVector FIRST_PAIRS = lanes(i -> i / 2 + i % 2 * LANES);
  private static final FloatVector LAST_PAIRS = lanes(i -> LANES / 2 + i / 2 + i % 2 * LANES);

  // Of such pairs: a0 a1 b0 b1 a2 a3 b2 b3 ..., the first and the second half of it.
  private static final FloatVector FIRST_QUADS = lanes(i -> i / 4 * 2 + i % 2 + i % 4 / 2 * LANES);
  private static final FloatVector LAST_QUADS =
      lanes(i -> LANES / 2 + i / 4 * 2 + i % 2 + i % 4 / 2 * LANES);

  // Of vectors a, b and c of four quads each: a0 b0 c0 a1, b1 c1 a2 b2, c2 a3 b3 c3. Each in two
  // steps, of which the first leaves a place for the third vector's quad.
  private static final FloatVector A0_B0_PLACE_A1 = quads(0, 4, 0, 1);
  private static final FloatVector SET_THIRD_TO_0 = quads(0, 1, 4, 3);
  private static final FloatVector B1_C1_PLACE_B2 = quads(1, 5, 0, 2);
  private static final FloatVector SET_THIRD_TO_2 = quads(0, 1, 6, 3);
  private static final FloatVector C2_PLACE_B3_C3 = quads(2, 0, 7, 3);
  private static final FloatVector SET_SECOND_TO_3 = quads(0, 7, 2, 3);

  private RowPanel() {}

  /**
   * Lanes by number, those of the second vector after those of the first, as selectFrom wants them.
   * A shuffle does the same in three operations, of which C2 now and then makes objects.
   */
  private static FloatVector lanes(IntUnaryOperator lane) {
    float[] numbers = new float[LANES];
    for (int i = 0; i < LANES; i++) {
      numbers[i] = lane.applyAsInt(i) % (2 * LANES);
    }
    return FloatVector.fromArray(FLOATS, numbers, 0);
  }

  /** The same by quads, of which a vector of 16 lanes has four. */
  private static FloatVector quads(int... quads) {
    return lanes(i -> 4 * quads[i / 4 % 4] + i % 4);
  }

  /**
   * Makes a panel of ROWS rows.
   *
   * @param rows elements, the first row from 0 on, each {@code stride} after the one before; read
   *     in whole vectors
   * @param depths elements of a row
   * @param panel written from {@code at} on, and up to {@link #SLACK} elements beyond
   */
  static void interleave(float[] rows, int stride, int depths, float[] panel, int at) {
    if (ROWS == 12) {
      interleave12(rows, stride, depths, panel, at);
    } else {
      interleave6(rows, stride, depths, panel, at);
    }
  }

  private static FloatVector load(float[] rows, int at) {
    return FloatVector.fromArray(FLOATS, rows, at);
  }

  private static void interleave6(float[] rows, int stride, int depths, float[] panel, int at) {
    for (int p = 0; p < depths; p++) {
      int to = at + 8 * p;
      panel[to] = rows[p];
      panel[to + 1] = rows[p + stride];
      panel[to + 2] = rows[p + 2 * stride];
      panel[to + 3] = rows[p + 3 * stride];
      panel[to + 4] = rows[p + 4 * stride];
      panel[to + 5] = rows[p + 5 * stride];
    }
  }

  // All in one method: what a method of its own took would be objects on the heap.
  private static void interleave12(float[] rows, int stride, int depths, float[] panel, int at) {
    for (int p = 0; p < depths; p += LANES) {
      FloatVector row0 = load(rows, p);
      FloatVector row1 = load(rows, p + stride);
      FloatVector row2 = load(rows, p + 2 * stride);
      FloatVector row3 = load(rows, p + 3 * stride);
      FloatVector row4 = load(rows, p + 4 * stride);
      FloatVector row5 = load(rows, p + 5 * stride);
      FloatVector row6 = load(rows, p + 6 * stride);
      FloatVector row7 = load(rows, p + 7 * stride);
      FloatVector row8 = load(rows, p + 8 * stride);
      FloatVector row9 = load(rows, p + 9 * stride);
      FloatVector row10 = load(rows, p + 10 * stride);
      FloatVector row11 = load(rows, p + 11 * stride);
      FloatVector first0 = FIRST_PAIRS.selectFrom(row0, row1);
      FloatVector last0 = LAST_PAIRS.selectFrom(row0, row1);
      FloatVector first2 = FIRST_PAIRS.selectFrom(row2, row3);
      FloatVector last2 = LAST_PAIRS.selectFrom(row2, row3);
      FloatVector first4 = FIRST_PAIRS.selectFrom(row4, row5);
      FloatVector last4 = LAST_PAIRS.selectFrom(row4, row5);
      FloatVector first6 = FIRST_PAIRS.selectFrom(row6, row7);
      FloatVector last6 = LAST_PAIRS.selectFrom(row6, row7);
      FloatVector first8 = FIRST_PAIRS.selectFrom(row8, row9);
      FloatVector last8 = LAST_PAIRS.selectFrom(row8, row9);
      FloatVector first10 = FIRST_PAIRS.selectFrom(row10, row11);
      FloatVector last10 = LAST_PAIRS.selectFrom(row10, row11);
      int to = at + 12 * p;
      FloatVector a0 = FIRST_QUADS.selectFrom(first0, first2);
      FloatVector b0 = FIRST_QUADS.selectFrom(first4, first6);
      FloatVector c0 = FIRST_QUADS.selectFrom(first8, first10);
      SET_THIRD_TO_0.selectFrom(A0_B0_PLACE_A1.selectFrom(a0, b0), c0).intoArray(panel, to);
      SET_THIRD_TO_2.selectFrom(B1_C1_PLACE_B2.selectFrom(b0, c0), a0).intoArray(panel, to + LANES);
      SET_SECOND_TO_3
          .selectFrom(C2_PLACE_B3_C3.selectFrom(c0, b0), a0)
          .intoArray(panel, to + 2 * LANES);
      FloatVector a1 = LAST_QUADS.selectFrom(first0, first2);
      FloatVector b1 = LAST_QUADS.selectFrom(first4, first6);
      FloatVector c1 = LAST_QUADS.selectFrom(first8, first10);
      SET_THIRD_TO_0
          .selectFrom(A0_B0_PLACE_A1.selectFrom(a1, b1), c1)
          .intoArray(panel, to + 3 * LANES);
      SET_THIRD_TO_2
          .selectFrom(B1_C1_PLACE_B2.selectFrom(b1, c1), a1)
          .intoArray(panel, to + 4 * LANES);
      SET_SECOND_TO_3
          .selectFrom(C2_PLACE_B3_C3.selectFrom(c1, b1), a1)
          .intoArray(panel, to + 5 * LANES);
      FloatVector a2 = FIRST_QUADS.selectFrom(last0, last2);
      FloatVector b2 = FIRST_QUADS.selectFrom(last4, last6);
      FloatVector c2 = FIRST_QUADS.selectFrom(last8, last10);
      SET_THIRD_TO_0
          .selectFrom(A0_B0_PLACE_A1.selectFrom(a2, b2), c2)
          .intoArray(panel, to + 6 * LANES);
      SET_THIRD_TO_2
          .selectFrom(B1_C1_PLACE_B2.selectFrom(b2, c2), a2)
          .intoArray(panel, to + 7 * LANES);
      SET_SECOND_TO_3
          .selectFrom(C2_PLACE_B3_C3.selectFrom(c2, b2), a2)
          .intoArray(panel, to + 8 * LANES);
      FloatVector a3 = LAST_QUADS.selectFrom(last0, last2);
      FloatVector b3 = LAST_QUADS.selectFrom(last4, last6);
      FloatVector c3 = LAST_QUADS.selectFrom(last8, last10);
      SET_THIRD_TO_0
          .selectFrom(A0_B0_PLACE_A1.selectFrom(a3, b3), c3)
          .intoArray(panel, to + 9 * LANES);
      SET_THIRD_TO_2
          .selectFrom(B1_C1_PLACE_B2.selectFrom(b3, c3), a3)
          .intoArray(panel, to + 10 * LANES);
      SET_SECOND_TO_3
          .selectFrom(C2_PLACE_B3_C3.selectFrom(c3, b3), a3)
          .intoArray(panel, to + 11 * LANES);
    }
  }
}
