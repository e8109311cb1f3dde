package dev.tallrec.backend.cpu;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/** exp on vectors and scalars, the same bits in both. */
final class VectorMath {

  static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;

  private static final float LOG2_E = 1.44269504f;
  // ln 2 in two parts, so that x - n ln 2 is exact enough for all n.
  private static final float LN2_HIGH = 0.693359375f;
  private static final float LN2_LOW = -2.12194440e-4f;
  private static final float LOWEST = -87.3f;
  private static final float HIGHEST = 88.3f;
  // Coefficients of the minimax polynomial of (e^r - 1 - r) / r^2 on [-ln2 / 2, ln2 / 2].
  private static final float C0 = 1.9875691500e-4f;
  private static final float C1 = 1.3981999507e-3f;
  private static final float C2 = 8.3334519073e-3f;
  private static final float C3 = 4.1665795894e-2f;
  private static final float C4 = 1.6666665459e-1f;
  private static final float C5 = 5.0000001201e-1f;
  // Adding and subtracting 1.5 * 2^23 rounds a float of small magnitude to an integer.
  private static final float ROUNDING = 12582912f;

  // Vectors made once: made in each call, they would use up what the compiler inlines into a loop
  // around exp, and the loop's vectors would become objects on the heap.
  private static final FloatVector LOWEST_LANES = FloatVector.broadcast(FLOATS, LOWEST);
  private static final FloatVector HIGHEST_LANES = FloatVector.broadcast(FLOATS, HIGHEST);
  private static final FloatVector LOG2_E_LANES = FloatVector.broadcast(FLOATS, LOG2_E);
  private static final FloatVector ROUNDING_LANES = FloatVector.broadcast(FLOATS, ROUNDING);
  private static final FloatVector LN2_HIGH_LANES = FloatVector.broadcast(FLOATS, -LN2_HIGH);
  private static final FloatVector LN2_LOW_LANES = FloatVector.broadcast(FLOATS, -LN2_LOW);
  private static final FloatVector C0_LANES = FloatVector.broadcast(FLOATS, C0);
  private static final FloatVector C1_LANES = FloatVector.broadcast(FLOATS, C1);
  private static final FloatVector C2_LANES = FloatVector.broadcast(FLOATS, C2);
  private static final FloatVector C3_LANES = FloatVector.broadcast(FLOATS, C3);
  private static final FloatVector C4_LANES = FloatVector.broadcast(FLOATS, C4);
  private static final FloatVector C5_LANES = FloatVector.broadcast(FLOATS, C5);
  private static final FloatVector ONE_LANES = FloatVector.broadcast(FLOATS, 1f);
  private static final IntVector ONE_BITS = ONE_LANES.reinterpretAsInts();

  private VectorMath() {}

  /**
   * The larger of both, {@code x} where that is NaN: FloatVector's own takes three times as many
   * instructions to tell -0 from 0 and to return any NaN.
   */
  static FloatVector max(FloatVector x, FloatVector y) {
    return x.blend(y, x.lt(y));
  }

  /** e^x within 2 ulp for x in [-87.3, 88.3]; clamped outside. */
  static FloatVector exp(FloatVector x) {
    FloatVector clamped = max(x, LOWEST_LANES);
    clamped = clamped.blend(HIGHEST_LANES, HIGHEST_LANES.lt(clamped));
    FloatVector shifted = clamped.mul(LOG2_E_LANES).add(ROUNDING_LANES);
    FloatVector n = shifted.sub(ROUNDING_LANES);
    FloatVector r = n.fma(LN2_HIGH_LANES, clamped);
    r = n.fma(LN2_LOW_LANES, r);
    FloatVector p = C0_LANES.fma(r, C1_LANES);
    p = p.fma(r, C2_LANES);
    p = p.fma(r, C3_LANES);
    p = p.fma(r, C4_LANES);
    p = p.fma(r, C5_LANES);
    p = p.fma(r.mul(r), r.add(ONE_LANES));
    // The lowest bits of what was rounded are n: shifted up, and with those of 1, they are 2^n.
    IntVector power = shifted.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23).add(ONE_BITS);
    return p.mul(power.reinterpretAsFloats());
  }

  /** The same for one value. */
  static float exp(float x) {
    float clamped = Math.min(Math.max(x, LOWEST), HIGHEST);
    float n = clamped * LOG2_E + ROUNDING - ROUNDING;
    float r = Math.fma(n, -LN2_HIGH, clamped);
    r = Math.fma(n, -LN2_LOW, r);
    float p = C0;
    p = Math.fma(p, r, C1);
    p = Math.fma(p, r, C2);
    p = Math.fma(p, r, C3);
    p = Math.fma(p, r, C4);
    p = Math.fma(p, r, C5);
    p = Math.fma(p, r * r, r + 1f);
    return p * Float.intBitsToFloat(((int) n + 127) << 23);
  }
}
