package dev.tallrec.benchmarks;

import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A benchmark's figures at a commit: a line of a {@link History}.
 *
 * @param date when it was recorded
 * @param commit of the sources
 * @param fingerprint of the machine
 * @param benchmark name and parameters
 * @param unit of the speeds
 * @param median speed
 * @param low of its 95 % interval
 * @param high of its 95 % interval
 * @param allocated bytes per operation, where they were counted
 */
public record HistoryEntry(
    String date,
    String commit,
    String fingerprint,
    String benchmark,
    String unit,
    double median,
    double low,
    double high,
    @Nullable Double allocated) {

  /** What tells a line from all others. */
  record Key(String date, String commit, String fingerprint, String benchmark) {}

  /**
   * Checks it.
   *
   * @throws IllegalArgumentException if something is missing or no speed
   */
  public HistoryEntry {
    require("date", date);
    require("commit", commit);
    require("fingerprint", fingerprint);
    require("benchmark", benchmark);
    require("unit", unit);
    Instant.parse(date);
    // The axis they are drawn on is logarithmic.
    if (!(low > 0 && low <= median && median <= high && high < Double.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException(
          "speeds out of order or not above 0: %s, %s, %s".formatted(low, median, high));
    }
  }

  private static void require(String name, @Nullable String value) {
    if (value == null || value.isBlank()) {
      throw new IllegalArgumentException("no " + name);
    }
  }

  /** A recorded run, one entry a benchmark. */
  static List<HistoryEntry> of(Results results) {
    List<HistoryEntry> entries = new ArrayList<>();
    for (Results.Measured measured : results.benchmarks()) {
      double median = Bootstrap.median(measured.forks());
      Bootstrap.Interval interval = Bootstrap.ofMedian(measured.forks());
      entries.add(
          new HistoryEntry(
              results.time(),
              results.commit(),
              results.fingerprint(),
              measured.name(),
              measured.unit(),
              median,
              Math.min(median, interval.low()),
              Math.max(median, interval.high()),
              measured.counters().get(Counters.ALLOCATED)));
    }
    return entries;
  }

  Key key() {
    return new Key(date, commit, fingerprint, benchmark);
  }

  Instant when() {
    return Instant.parse(date);
  }

  /** What comes before the method's name. */
  String group() {
    int dot = benchmark.indexOf('.');
    return dot < 0 ? benchmark : benchmark.substring(0, dot);
  }
}
