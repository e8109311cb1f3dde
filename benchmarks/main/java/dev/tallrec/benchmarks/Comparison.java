package dev.tallrec.benchmarks;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Two runs, benchmark by benchmark. A slow-down counts only if it is beyond noise ({@link
 * ForkTest}, Holm's correction for the number of benchmarks) and beyond a threshold; a
 * deterministic counter that rises counts always.
 *
 * @param threshold slow-down that is accepted: 0.05 for 5 %
 * @param rows of the benchmarks that are in both runs
 * @param unpaired names of those in one run only
 */
public record Comparison(double threshold, List<Row> rows, List<String> unpaired) {

  /** Chance accepted of a false alarm over all benchmarks together. */
  static final double SIGNIFICANCE = 0.01;

  /** What there is to say of a speed. */
  public enum Speed {
    SLOWER,
    AS_BEFORE,
    FASTER
  }

  /**
   * A benchmark in both runs.
   *
   * @param name benchmark and parameters
   * @param ratio of median speeds, new by old
   * @param low of its 95 % interval, by bootstrap over forks
   * @param high of its 95 % interval
   * @param p chance of such a difference without a cause, after Holm's correction
   * @param speed what follows from these
   * @param counters what does not depend on speed
   */
  public record Row(
      String name,
      double ratio,
      double low,
      double high,
      double p,
      Speed speed,
      List<CounterChange> counters) {

    /** Counters that are higher than before. */
    public List<CounterChange> risen() {
      return counters.stream().filter(CounterChange::rose).toList();
    }

    /** Whether the gate fails for it. */
    public boolean fails() {
      return speed == Speed.SLOWER || !risen().isEmpty();
    }

    /** One or two words. */
    public String verdict() {
      String ofSpeed =
          switch (speed) {
            case SLOWER -> "slower";
            case AS_BEFORE -> risen().isEmpty() ? "as before" : "";
            case FASTER -> "faster";
          };
      String ofCounters = risen().isEmpty() ? "" : "counter rose";
      return ofSpeed.isEmpty() || ofCounters.isEmpty()
          ? ofSpeed + ofCounters
          : ofSpeed + ", " + ofCounters;
    }
  }

  /** Compares two runs of one machine. */
  public static Comparison of(Results before, Results after, double threshold) {
    List<Results.Measured> old = new ArrayList<>();
    List<Results.Measured> now = new ArrayList<>();
    List<String> unpaired = new ArrayList<>();
    for (Results.Measured measured : before.benchmarks()) {
      Results.Measured other = after.named(measured.name());
      if (other == null) {
        unpaired.add(measured.name() + " (old only)");
      } else {
        old.add(measured);
        now.add(other);
      }
    }
    for (Results.Measured measured : after.benchmarks()) {
      if (before.named(measured.name()) == null) {
        unpaired.add(measured.name() + " (new only)");
      }
    }
    return new Comparison(threshold, rows(old, now, threshold), unpaired);
  }

  private static List<Row> rows(
      List<Results.Measured> old, List<Results.Measured> now, double threshold) {
    double[] p = new double[old.size()];
    for (int i = 0; i < p.length; i++) {
      p[i] = ForkTest.p(old.get(i).forks(), now.get(i).forks());
    }
    double[] corrected = Holm.corrected(p);
    List<Row> rows = new ArrayList<>();
    for (int i = 0; i < p.length; i++) {
      rows.add(row(old.get(i), now.get(i), corrected[i], threshold));
    }
    return rows;
  }

  private static Row row(Results.Measured old, Results.Measured now, double p, double threshold) {
    double ratio = Bootstrap.median(now.forks()) / Bootstrap.median(old.forks());
    Bootstrap.Interval interval = Bootstrap.ofRatio(old.forks(), now.forks());
    Speed speed = Speed.AS_BEFORE;
    if (p < SIGNIFICANCE && ratio < 1 - threshold) {
      speed = Speed.SLOWER;
    } else if (p < SIGNIFICANCE && ratio > 1 + threshold) {
      speed = Speed.FASTER;
    }
    return new Row(
        now.name(),
        ratio,
        interval.low(),
        interval.high(),
        p,
        speed,
        CounterChange.of(old.counters(), now.counters()));
  }

  /** Whether the gate fails: for a benchmark, or for want of any. */
  public boolean fails() {
    return rows.isEmpty() || rows.stream().anyMatch(Row::fails);
  }

  /** What it comes to, in a sentence without its full stop. */
  public String summary() {
    if (rows.isEmpty()) {
      return "no benchmark is in both";
    }
    List<String> parts = new ArrayList<>();
    for (Row row : rows) {
      if (row.speed() == Speed.SLOWER) {
        parts.add(
            String.format(Locale.ROOT, "%s: slower, %.3f of before", row.name(), row.ratio()));
      }
      row.risen().forEach(counter -> parts.add(row.name() + ": " + counter.text()));
    }
    return parts.isEmpty() ? "not slower than before" : String.join("; ", parts);
  }
}
