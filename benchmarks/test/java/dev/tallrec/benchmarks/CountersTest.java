package dev.tallrec.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.openjdk.jmh.results.AggregationPolicy;
import org.openjdk.jmh.results.BenchmarkResult;
import org.openjdk.jmh.results.IterationResult;
import org.openjdk.jmh.results.IterationResultMetaData;
import org.openjdk.jmh.results.ResultRole;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.results.ScalarResult;
import org.openjdk.jmh.results.ThroughputResult;

class CountersTest {

  private static final long SECOND = TimeUnit.SECONDS.toNanos(1);

  /** An iteration of a second with 8 tokens and 3 launches an operation. */
  private static IterationResult iteration(long operations, double allocated) {
    IterationResult result =
        new IterationResult(null, null, new IterationResultMetaData(operations, operations));
    result.addResult(
        new ThroughputResult(ResultRole.PRIMARY, "b", operations, SECOND, TimeUnit.SECONDS));
    result.addResult(
        new ThroughputResult(
            ResultRole.SECONDARY, "tokens", 8.0 * operations, SECOND, TimeUnit.SECONDS));
    result.addResult(scalar("launches", 3.0 * operations, "#"));
    result.addResult(scalar("gflopPerSecond", 400, "#"));
    result.addResult(scalar("percentOfProducts", 90, "#"));
    result.addResult(scalar("gc.alloc.rate.norm", allocated, "B/op"));
    result.addResult(scalar("gc.time", 7, "ms"));
    return result;
  }

  private static ScalarResult scalar(String name, double value, String unit) {
    return new ScalarResult(name, value, unit, AggregationPolicy.AVG);
  }

  @Test
  void whatIsDonePerOperationIsToldFromWhatDependsOnTime() {
    List<IterationResult> iterations = List.of(iteration(100, 90), iteration(50, 80));
    Counters counters =
        new Counters(
            new RunResult(null, new ArrayList<>(List.of(new BenchmarkResult(null, iterations)))));
    assertThat(counters.perOperation())
        .containsOnlyKeys(Counters.ALLOCATED, "tokens per operation", "launches per operation")
        .containsEntry(Counters.ALLOCATED, 80.0)
        .containsEntry("tokens per operation", 8.0)
        .containsEntry("launches per operation", 3.0);
    assertThat(counters.others())
        .containsOnlyKeys("gc.time ms", "tokens ops/s", "gflopPerSecond", "percentOfProducts");
  }
}
