package dev.tallrec.benchmarks;

import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.ToDoubleFunction;
import org.apache.commons.math3.stat.descriptive.rank.Percentile;

/** 95 % intervals of medians, by drawing anew from what was measured. */
final class Bootstrap {

  private static final int RESAMPLES = 2000;
  private static final int SEED = 1;

  /** An interval. */
  record Interval(double low, double high) {}

  private Bootstrap() {}

  static Interval ofMedian(List<List<Double>> forks) {
    return interval(random -> drawnMedian(forks, random));
  }

  static Interval ofRatio(List<List<Double>> old, List<List<Double>> now) {
    return interval(random -> drawnMedian(now, random) / drawnMedian(old, random));
  }

  static double median(List<List<Double>> forks) {
    return median(forks.stream().flatMap(List::stream).mapToDouble(Double::doubleValue).toArray());
  }

  /**
   * What may be taken for independent: forks, as iterations of a fork are not; of a single fork its
   * iterations, which say too little, but more than an interval without width.
   */
  static List<List<Double>> units(List<List<Double>> forks) {
    return forks.size() > 1 ? forks : forks.getFirst().stream().map(List::of).toList();
  }

  private static Interval interval(ToDoubleFunction<SplittableRandom> statistic) {
    SplittableRandom random = new SplittableRandom(SEED);
    double[] drawn = new double[RESAMPLES];
    for (int i = 0; i < RESAMPLES; i++) {
      drawn[i] = statistic.applyAsDouble(random);
    }
    Percentile percentile = new Percentile();
    percentile.setData(drawn);
    return new Interval(percentile.evaluate(2.5), percentile.evaluate(97.5));
  }

  private static double drawnMedian(List<List<Double>> forks, SplittableRandom random) {
    List<List<Double>> units = units(forks);
    double[][] drawn = new double[units.size()][];
    for (int i = 0; i < drawn.length; i++) {
      drawn[i] =
          units.get(random.nextInt(units.size())).stream()
              .mapToDouble(Double::doubleValue)
              .toArray();
    }
    return median(Arrays.stream(drawn).flatMapToDouble(Arrays::stream).toArray());
  }

  private static double median(double[] values) {
    Arrays.sort(values);
    return (values[(values.length - 1) / 2] + values[values.length / 2]) / 2;
  }
}
