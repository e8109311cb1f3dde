package dev.tallrec.tensor;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import org.junit.jupiter.api.Test;

class BFloat16Test {

  /** 8 bits of significand: between 1 and 2 values lie 1/128 apart. */
  @Test
  void halfWayItIsTheEvenNeighbour() {
    assertThat(rounded(1 + 1 / 256f)).isEqualTo(1);
    assertThat(rounded(1 + 3 / 256f)).isEqualTo(1 + 4 / 256f);
    assertThat(rounded(Math.nextUp(1 + 1 / 256f))).isEqualTo(1 + 2 / 256f);
    assertThat(rounded(Math.nextDown(1 + 3 / 256f))).isEqualTo(1 + 2 / 256f);
    assertThat(rounded(-1 - 1 / 256f)).isEqualTo(-1);
    assertThat(rounded(-1 - 3 / 256f)).isEqualTo(-1 - 4 / 256f);
  }

  @Test
  void noOtherValueIsNearer() {
    Random random = new Random(4);
    for (int round = 0; round < 100_000; round++) {
      float value = Float.intBitsToFloat(random.nextInt());
      if (Float.isNaN(value) || Math.abs(value) >= 0x1.fep127f) {
        continue;
      }
      short bits = BFloat16.fromFloat(value);
      double error = Math.abs((double) BFloat16.toFloat(bits) - value);
      for (int other : new int[] {bits - 1, bits + 1}) {
        double otherError = Math.abs((double) BFloat16.toFloat((short) other) - value);
        assertThat(error)
            .as("%s to %s", value, BFloat16.toFloat(bits))
            .matches(own ->
                own < otherError
                    || (own == otherError && (bits & 1) == 0)
                    || Double.isNaN(otherError));
      }
    }
  }

  @Test
  void whatIsTooLargeIsInfiniteAndNoNumberStaysNone() {
    assertThat(rounded(Float.MAX_VALUE)).isEqualTo(Float.POSITIVE_INFINITY);
    assertThat(rounded(-Float.MAX_VALUE)).isEqualTo(Float.NEGATIVE_INFINITY);
    assertThat(rounded(Float.NEGATIVE_INFINITY)).isEqualTo(Float.NEGATIVE_INFINITY);
    // Its upper half alone, or rounded up, is infinite, or 0.
    for (int nan : new int[] {0x7f800001, 0xff800001, 0x7fffffff, 0xffffffff, 0x7fc00000}) {
      assertThat(rounded(Float.intBitsToFloat(nan))).isNaN();
    }
    assertThat(1 / rounded(-0f)).isEqualTo(Float.NEGATIVE_INFINITY);
  }

  private static float rounded(float value) {
    return BFloat16.toFloat(BFloat16.fromFloat(value));
  }
}
