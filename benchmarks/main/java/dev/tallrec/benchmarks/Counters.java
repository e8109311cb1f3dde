package dev.tallrec.benchmarks;

import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.openjdk.jmh.results.BenchmarkResult;
import org.openjdk.jmh.results.IterationResult;
import org.openjdk.jmh.results.Result;
import org.openjdk.jmh.results.RunResult;

/**
 * What JMH reports beside the score. What is done per operation does not depend on the machine's
 * mood and may be gated on; all else is kept to be read.
 */
final class Counters {

  static final String ALLOCATED = "bytes allocated per operation";

  private static final String PER_OPERATION = " per operation";
  private static final String ALLOCATED_IN_JMH = "gc.alloc.rate.norm";
  private static final String EVENTS = "#";

  /** By the device's clock, or of a ceiling that was measured: no part of it is deterministic. */
  private static final Pattern RATES = Pattern.compile("PerSecond$|^percent");

  private final Map<String, Double> perOperation = new TreeMap<>();
  private final Map<String, Double> others = new TreeMap<>();

  Counters(RunResult run) {
    for (BenchmarkResult fork : run.getBenchmarkResults()) {
      for (IterationResult iteration : fork.getIterationResults()) {
        iteration.getSecondaryResults().forEach((key, result) -> add(iteration, key, result));
      }
    }
  }

  private void add(IterationResult iteration, String key, Result<?> result) {
    double score = result.getScore();
    Result<?> primary = iteration.getPrimaryResult();
    if (key.endsWith(ALLOCATED_IN_JMH)) {
      put(perOperation, ALLOCATED, score);
    } else if (key.contains("gc.")) {
      put(others, key + " " + result.getScoreUnit(), score);
    } else if (RATES.matcher(key).find()) {
      put(others, key, score);
    } else if (result.getScoreUnit().equals(EVENTS)) {
      // Counted over the iteration: the faster the code, the more of them.
      put(perOperation, key + PER_OPERATION, score / iteration.getMetadata().getMeasuredOps());
    } else if (result.getScoreUnit().equals(primary.getScoreUnit())) {
      // Both are per time: their quotient is what the clock has no part in.
      put(perOperation, key + PER_OPERATION, score / primary.getScore());
      put(others, key + " " + result.getScoreUnit(), score);
    } else {
      put(others, key + " " + result.getScoreUnit(), score);
    }
  }

  /**
   * Of all iterations the least: what compilers allocate meanwhile, or threads when they wait for
   * each other on a busy machine, only adds to what the benchmark's own code does.
   */
  private static void put(Map<String, Double> all, String name, double value) {
    if (Double.isFinite(value)) {
      all.merge(name, value, Math::min);
    }
  }

  Map<String, Double> perOperation() {
    return perOperation;
  }

  Map<String, Double> others() {
    return others;
  }
}
