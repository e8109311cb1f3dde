package dev.tallrec.benchmarks;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * A deterministic counter in two runs.
 *
 * @param name of it, with what it is counted in
 * @param before per operation
 * @param after per operation
 */
public record CounterChange(String name, double before, double after) {

  private static final double TOLERANCE = 0.01;
  private static final double BYTES_OF_NOISE = 64;

  /** Those that both runs have. */
  static List<CounterChange> of(Map<String, Double> before, Map<String, Double> after) {
    List<CounterChange> changes = new ArrayList<>();
    after.forEach((name, value) -> {
      Double was = before.get(name);
      if (was != null) {
        changes.add(new CounterChange(name, was, value));
      }
    });
    return changes;
  }

  /**
   * Whether it is more than it was. What a JVM allocates beside the benchmark is some bytes; other
   * counters have no such noise.
   */
  public boolean rose() {
    double noise = name.startsWith("bytes ") ? BYTES_OF_NOISE : 0;
    return after - before > Math.max(noise, TOLERANCE * Math.abs(before));
  }

  /** Name and figures on one line. */
  public String text() {
    return before == after
        ? name + " " + figure(before)
        : name + " " + figure(before) + " -> " + figure(after);
  }

  private static String figure(double value) {
    boolean large = Math.abs(value) >= 100 || value == Math.rint(value);
    return String.format(Locale.ROOT, large ? "%,.0f" : "%.3g", value);
  }
}
