package dev.tallrec.backend.cpu;

import java.util.function.IntUnaryOperator;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * Lays rows side by side for {@link PanelKernel}: the elements of all rows at one k, then at the
 * next. By permutations of pairs of vectors, a fourth of the time of doing it one by one.
 */
final class RowPanel {

  private static final VectorSpecies<Float> FLOATS = VectorMath.FLOATS;
  private static final int LANES = FLOATS.length();
  private static final int ROWS = PanelKernel.ROWS;

  /** Most elements beyond a panel's last that {@link #interleave} writes. */
  static final int SLACK = LANES * ROWS;

  // Of a and b: a0 b0 a1 b1 ..., the first and the second half of it.
  private static final VectorShuffle<Float> FIRST_PAIRS = shuffle(i -> i / 2 + i % 2 * LANES);
  private static final VectorShuffle<Float> LAST_PAIRS =
      shuffle(i -> LANES / 2 + i / 2 + i % 2 * LANES);

  // Of such pairs: a0 a1 b0 b1 a2 a3 b2 b3 ..., the first and the second half of it.
  private static final VectorShuffle<Float> FIRST_QUADS =
      shuffle(i -> i / 4 * 2 + i % 2 + i % 4 / 2 * LANES);
  private static final VectorShuffle<Float> LAST_QUADS =
      shuffle(i -> LANES / 2 + i / 4 * 2 + i % 2 + i % 4 / 2 * LANES);

  // Of vectors a, b and c of four quads each: a0 b0 c0 a1, b1 c1 a2 b2, c2 a3 b3 c3. Each in two
  // steps, of which the first leaves a place for the third vector's quad.
  private static final VectorShuffle<Float> A0_B0_PLACE_A1 = quads(0, 4, 0, 1);
  private static final VectorShuffle<Float> SET_THIRD_TO_0 = quads(0, 1, 4, 3);
  private static final VectorShuffle<Float> B1_C1_PLACE_B2 = quads(1, 5, 0, 2);
  private static final VectorShuffle<Float> SET_THIRD_TO_2 = quads(0, 1, 6, 3);
  private static final VectorShuffle<Float> C2_PLACE_B3_C3 = quads(2, 0, 7, 3);
  private static final VectorShuffle<Float> SET_SECOND_TO_3 = quads(0, 7, 2, 3);

  private RowPanel() {}

  /** Lanes by number, those of the second vector after those of the first. */
  private static VectorShuffle<Float> shuffle(IntUnaryOperator lane) {
    return VectorShuffle.fromOp(FLOATS, lane);
  }

  /** The same by quads, of which a vector of 16 lanes has four. */
  private static VectorShuffle<Float> quads(int... quads) {
    return shuffle(i -> 4 * quads[i / 4 % 4] + i % 4);
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
      interleave4(rows, stride, depths, panel, at);
    }
  }

  private static FloatVector load(float[] rows, int at) {
    return FloatVector.fromArray(FLOATS, rows, at);
  }

  private static void interleave4(float[] rows, int stride, int depths, float[] panel, int at) {
    for (int p = 0; p < depths; p += LANES) {
      FloatVector row0 = load(rows, p);
      FloatVector row1 = load(rows, p + stride);
      FloatVector row2 = load(rows, p + 2 * stride);
      FloatVector row3 = load(rows, p + 3 * stride);
      FloatVector first01 = row0.rearrange(FIRST_PAIRS, row1);
      FloatVector last01 = row0.rearrange(LAST_PAIRS, row1);
      FloatVector first23 = row2.rearrange(FIRST_PAIRS, row3);
      FloatVector last23 = row2.rearrange(LAST_PAIRS, row3);
      int to = at + 4 * p;
      first01.rearrange(FIRST_QUADS, first23).intoArray(panel, to);
      first01.rearrange(LAST_QUADS, first23).intoArray(panel, to + LANES);
      last01.rearrange(FIRST_QUADS, last23).intoArray(panel, to + 2 * LANES);
      last01.rearrange(LAST_QUADS, last23).intoArray(panel, to + 3 * LANES);
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
      FloatVector first0 = row0.rearrange(FIRST_PAIRS, row1);
      FloatVector last0 = row0.rearrange(LAST_PAIRS, row1);
      FloatVector first2 = row2.rearrange(FIRST_PAIRS, row3);
      FloatVector last2 = row2.rearrange(LAST_PAIRS, row3);
      FloatVector first4 = row4.rearrange(FIRST_PAIRS, row5);
      FloatVector last4 = row4.rearrange(LAST_PAIRS, row5);
      FloatVector first6 = row6.rearrange(FIRST_PAIRS, row7);
      FloatVector last6 = row6.rearrange(LAST_PAIRS, row7);
      FloatVector first8 = row8.rearrange(FIRST_PAIRS, row9);
      FloatVector last8 = row8.rearrange(LAST_PAIRS, row9);
      FloatVector first10 = row10.rearrange(FIRST_PAIRS, row11);
      FloatVector last10 = row10.rearrange(LAST_PAIRS, row11);
      int to = at + 12 * p;
      FloatVector a0 = first0.rearrange(FIRST_QUADS, first2);
      FloatVector b0 = first4.rearrange(FIRST_QUADS, first6);
      FloatVector c0 = first8.rearrange(FIRST_QUADS, first10);
      a0.rearrange(A0_B0_PLACE_A1, b0).rearrange(SET_THIRD_TO_0, c0).intoArray(panel, to);
      b0.rearrange(B1_C1_PLACE_B2, c0)
          .rearrange(SET_THIRD_TO_2, a0)
          .intoArray(panel, to + 1 * LANES);
      c0.rearrange(C2_PLACE_B3_C3, b0)
          .rearrange(SET_SECOND_TO_3, a0)
          .intoArray(panel, to + 2 * LANES);
      FloatVector a1 = first0.rearrange(LAST_QUADS, first2);
      FloatVector b1 = first4.rearrange(LAST_QUADS, first6);
      FloatVector c1 = first8.rearrange(LAST_QUADS, first10);
      a1.rearrange(A0_B0_PLACE_A1, b1)
          .rearrange(SET_THIRD_TO_0, c1)
          .intoArray(panel, to + 3 * LANES);
      b1.rearrange(B1_C1_PLACE_B2, c1)
          .rearrange(SET_THIRD_TO_2, a1)
          .intoArray(panel, to + 4 * LANES);
      c1.rearrange(C2_PLACE_B3_C3, b1)
          .rearrange(SET_SECOND_TO_3, a1)
          .intoArray(panel, to + 5 * LANES);
      FloatVector a2 = last0.rearrange(FIRST_QUADS, last2);
      FloatVector b2 = last4.rearrange(FIRST_QUADS, last6);
      FloatVector c2 = last8.rearrange(FIRST_QUADS, last10);
      a2.rearrange(A0_B0_PLACE_A1, b2)
          .rearrange(SET_THIRD_TO_0, c2)
          .intoArray(panel, to + 6 * LANES);
      b2.rearrange(B1_C1_PLACE_B2, c2)
          .rearrange(SET_THIRD_TO_2, a2)
          .intoArray(panel, to + 7 * LANES);
      c2.rearrange(C2_PLACE_B3_C3, b2)
          .rearrange(SET_SECOND_TO_3, a2)
          .intoArray(panel, to + 8 * LANES);
      FloatVector a3 = last0.rearrange(LAST_QUADS, last2);
      FloatVector b3 = last4.rearrange(LAST_QUADS, last6);
      FloatVector c3 = last8.rearrange(LAST_QUADS, last10);
      a3.rearrange(A0_B0_PLACE_A1, b3)
          .rearrange(SET_THIRD_TO_0, c3)
          .intoArray(panel, to + 9 * LANES);
      b3.rearrange(B1_C1_PLACE_B2, c3)
          .rearrange(SET_THIRD_TO_2, a3)
          .intoArray(panel, to + 10 * LANES);
      c3.rearrange(C2_PLACE_B3_C3, b3)
          .rearrange(SET_SECOND_TO_3, a3)
          .intoArray(panel, to + 11 * LANES);
    }
  }
}
