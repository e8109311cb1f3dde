package dev.tallrec.benchmarks;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.apache.commons.math3.stat.StatUtils;
import org.apache.commons.math3.stat.descriptive.rank.Percentile;
import org.apache.commons.math3.stat.inference.MannWhitneyUTest;

/**
 * Compares two runs, benchmark by benchmark. A slow-down counts only if it is beyond noise
 * (Mann-Whitney over iterations, Holm's correction for the number of benchmarks) and beyond a
 * threshold; a counter that rises counts always.
 */
public final class Comparison {

  private static final int RESAMPLES = 2000;
  private static final double COUNTER_TOLERANCE = 0.01;
  private static final double COUNTER_NOISE = 64;

  /**
   * A benchmark in both runs.
   *
   * @param ratio of median speeds, new by old
   * @param low of its 95 % interval, by bootstrap over forks
   * @param high of its 95 % interval
   * @param p chance of such a difference without a cause, after Holm's correction
   * @param slower whether it counts as a slow-down
   * @param risen counters that rose
   */
  public record Row(
      String name,
      double ratio,
      double low,
      double high,
      double p,
      boolean slower,
      List<String> risen) {

    /** Whether the gate fails for it. */
    public boolean fails() {
      return slower || !risen.isEmpty();
    }
  }

  private final double threshold;
  private final double significance;

  /**
   * A comparison.
   *
   * @param threshold slow-down that is accepted: 0.05 for 5 %
   * @param significance chance accepted of a false alarm over all benchmarks together
   */
  public Comparison(double threshold, double significance) {
    this.threshold = threshold;
    this.significance = significance;
  }

  /** Rows of the benchmarks that are in both. */
  public List<Row> compare(Results before, Results after) {
    List<Row> raw = new ArrayList<>();
    for (Results.Measured old : before.benchmarks()) {
      for (Results.Measured now : after.benchmarks()) {
        if (old.name().equals(now.name())) {
          raw.add(row(old, now));
        }
      }
    }
    return corrected(raw);
  }

  private static Row row(Results.Measured old, Results.Measured now) {
    double ratio = StatUtils.percentile(all(now), 50) / StatUtils.percentile(all(old), 50);
    double[] ratios = bootstrap(old, now);
    Percentile percentile = new Percentile();
    percentile.setData(ratios);
    double p = new MannWhitneyUTest().mannWhitneyUTest(all(old), all(now));
    List<String> risen = new ArrayList<>();
    for (Map.Entry<String, Double> counter : now.counters().entrySet()) {
      double was = old.counters().getOrDefault(counter.getKey(), counter.getValue());
      if (counter.getValue() > was * (1 + COUNTER_TOLERANCE) + COUNTER_NOISE) {
        risen.add("%s %,.0f -> %,.0f".formatted(counter.getKey(), was, counter.getValue()));
      }
    }
    return new Row(
        now.name(), ratio, percentile.evaluate(2.5), percentile.evaluate(97.5), p, false, risen);
  }

  private static double[] all(Results.Measured measured) {
    return measured.forks().stream()
        .flatMap(List::stream)
        .mapToDouble(Double::doubleValue)
        .toArray();
  }

  /**
   * Ratios of medians of forks drawn with replacement: iterations of a fork are not independent.
   */
  private static double[] bootstrap(Results.Measured old, Results.Measured now) {
    SplittableRandom random = new SplittableRandom(1);
    double[] ratios = new double[RESAMPLES];
    for (int i = 0; i < RESAMPLES; i++) {
      ratios[i] = median(now.forks(), random) / median(old.forks(), random);
    }
    return ratios;
  }

  private static double median(List<List<Double>> forks, SplittableRandom random) {
    List<Double> drawn = new ArrayList<>();
    for (int i = 0; i < forks.size(); i++) {
      drawn.addAll(forks.get(random.nextInt(forks.size())));
    }
    double[] values = drawn.stream().mapToDouble(Double::doubleValue).toArray();
    Arrays.sort(values);
    return (values[(values.length - 1) / 2] + values[values.length / 2]) / 2;
  }

  /** Holm: the smallest p times the number of tests, the next times one fewer, never falling. */
  private List<Row> corrected(List<Row> raw) {
    List<Integer> order = new ArrayList<>();
    for (int i = 0; i < raw.size(); i++) {
      order.add(i);
    }
    order.sort(Comparator.comparingDouble(i -> raw.get(i).p()));
    Row[] rows = new Row[raw.size()];
    double largest = 0;
    for (int rank = 0; rank < order.size(); rank++) {
      Row row = raw.get(order.get(rank));
      largest = Math.max(largest, Math.min(1, row.p() * (raw.size() - rank)));
      boolean slower = row.ratio() < 1 - threshold && largest < significance;
      rows[order.get(rank)] =
          new Row(row.name(), row.ratio(), row.low(), row.high(), largest, slower, row.risen());
    }
    return List.of(rows);
  }

  /** The rows as a Markdown table. */
  public static String markdown(List<Row> rows) {
    StringBuilder text = new StringBuilder();
    text.append("| benchmark | new / old | 95 % interval | p | |\n|---|---|---|---|---|\n");
    for (Row row : rows) {
      text.append(
          "| %s | %.3f | %.3f to %.3f | %.3g | %s |%n"
              .formatted(
                  row.name(),
                  row.ratio(),
                  row.low(),
                  row.high(),
                  row.p(),
                  row.slower() ? "**slower**" : String.join(", ", row.risen())));
    }
    return text.toString();
  }
}
