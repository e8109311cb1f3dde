package dev.tallrec.experiment;

import java.util.List;
import java.util.Optional;
import org.apache.commons.math3.stat.StatUtils;
import org.apache.commons.math3.stat.inference.TTest;

/**
 * Whether a variant is above all others by more than seeds explain, as the paper's table 1 marks
 * it: Welch's two-sided t-test on the AUCs of seeds.
 */
final class SeedSignificance {

  static final double SIGNIFICANT = 0.01;

  private static final int FEWEST_SEEDS = 3;

  private SeedSignificance() {}

  /**
   * Whether {@code variant} is above every other that has runs.
   *
   * @return empty if there is no other, or one of them has too few seeds for a test
   */
  static Optional<Boolean> isAboveAll(Outcomes outcomes, String variant, String data, int k) {
    double[] own = outcomes.aucs(variant, data, k);
    List<double[]> others =
        outcomes.grid().variants().keySet().stream()
            .filter(other -> !other.equals(variant))
            .map(other -> outcomes.aucs(other, data, k))
            .filter(aucs -> aucs.length > 0)
            .toList();
    boolean canTest =
        own.length >= FEWEST_SEEDS
            && !others.isEmpty()
            && others.stream().allMatch(aucs -> aucs.length >= FEWEST_SEEDS);
    return canTest
        ? Optional.of(others.stream().allMatch(other -> isAbove(own, other)))
        : Optional.empty();
  }

  private static boolean isAbove(double[] own, double[] other) {
    // Without any spread there is no test.
    return StatUtils.mean(own) > StatUtils.mean(other)
        && StatUtils.variance(own) + StatUtils.variance(other) > 0
        && new TTest().tTest(own, other) < SIGNIFICANT;
  }
}
