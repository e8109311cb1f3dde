package dev.tallrec.benchmarks;

import java.util.List;
import org.apache.commons.math3.stat.StatUtils;
import org.apache.commons.math3.stat.inference.TTest;

/**
 * Whether two builds are of different speed: Welch's t-test on the logarithms of what forks have
 * for a median. JVMs that start alike compile and lay out memory differently, so that the
 * iterations of one resemble each other: taken for independent they find differences between builds
 * that are the same.
 */
final class ForkTest {

  private ForkTest() {}

  /**
   * The chance of such a difference without a cause.
   *
   * @param old speeds, iterations of each fork
   * @param now the same of the other build
   * @return 1 also where one of them has a single figure only, which says nothing of noise
   */
  static double p(List<List<Double>> old, List<List<Double>> now) {
    double[] first = logarithms(old);
    double[] second = logarithms(now);
    if (first.length < 2 || second.length < 2) {
      return 1;
    }
    if (StatUtils.variance(first) == 0 && StatUtils.variance(second) == 0) {
      return first[0] == second[0] ? 1 : 0;
    }
    return new TTest().tTest(first, second);
  }

  private static double[] logarithms(List<List<Double>> forks) {
    return Bootstrap.units(forks).stream()
        .mapToDouble(unit -> Math.log(Bootstrap.median(List.of(unit))))
        .toArray();
  }
}
