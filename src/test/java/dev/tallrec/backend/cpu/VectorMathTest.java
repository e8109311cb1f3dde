package dev.tallrec.backend.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import jdk.incubator.vector.FloatVector;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class VectorMathTest {

  private static final int LANES = VectorMath.FLOATS.length();

  private static float[] exp(float[] values) {
    float[] results = new float[LANES];
    VectorMath.exp(FloatVector.fromArray(VectorMath.FLOATS, values, 0)).intoArray(results, 0);
    return results;
  }

  @Test
  void expIsThatOfTheLibraryAndTheSameForVectorsAndScalars() {
    float[] values = new float[LANES];
    for (float first = -87.3f; first < 88.2f; first += 0.0173f * LANES) {
      for (int i = 0; i < LANES; i++) {
        values[i] = Math.min(first + 0.0173f * i, 88.3f);
      }
      float[] results = exp(values);
      for (int i = 0; i < LANES; i++) {
        float expected = (float) Math.exp(values[i]);
        assertThat(Math.abs(results[i] - expected)).isLessThanOrEqualTo(2 * Math.ulp(expected));
        assertThat(results[i]).isEqualTo(VectorMath.exp(values[i]));
      }
    }
  }

  @Test
  void expIsClampedOutside() {
    float[] values = new float[LANES];
    values[0] = Float.NEGATIVE_INFINITY;
    values[1] = -1000;
    values[2] = 1000;
    values[3] = Float.POSITIVE_INFINITY;
    float[] results = exp(values);
    assertThat(results[0]).isEqualTo(results[1]).isEqualTo(VectorMath.exp(-87.3f));
    assertThat(results[2]).isEqualTo(results[3]).isEqualTo(VectorMath.exp(88.3f));
  }

  @ParameterizedTest
  @ValueSource(ints = {0x7FC00000, 0x7FC00001, 0xFFC001FF, 0x7FFFFFFF, 0xFFFFFFFF})
  void expOfAnyNaNIsNaN(int bits) {
    float[] values = new float[LANES];
    values[1] = Float.intBitsToFloat(bits);
    float[] results = exp(values);
    assertThat(results[0]).isEqualTo(1);
    assertThat(results[1]).isNaN();
  }

  @Test
  void maxIsTheLargerOfBoth() {
    float[] x = new float[LANES];
    float[] y = new float[LANES];
    for (int i = 0; i < LANES; i++) {
      x[i] = i % 3 - 1;
      y[i] = i % 2 == 0 ? Float.NEGATIVE_INFINITY : 0.5f;
    }
    float[] results = new float[LANES];
    VectorMath.max(
            FloatVector.fromArray(VectorMath.FLOATS, x, 0),
            FloatVector.fromArray(VectorMath.FLOATS, y, 0))
        .intoArray(results, 0);
    for (int i = 0; i < LANES; i++) {
      assertThat(results[i]).isEqualTo(Math.max(x[i], y[i]));
    }
  }
}
