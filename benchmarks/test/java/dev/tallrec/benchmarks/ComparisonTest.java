package dev.tallrec.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The gate: simulated runs with the noise of a shared machine. */
class ComparisonTest {

  private static final Map<String, String> MACHINE = Map.of("cpu", "x");
  private static final int BENCHMARKS = 12;
  private static final int FORKS = 5;
  private static final int ITERATIONS = 5;

  /**
   * Speeds around 100 with 2 % noise per fork and 1.5 % per iteration; benchmark 0 is {@code
   * factor} as fast.
   */
  private static Results run(Random random, double factor, double allocated) {
    List<Results.Measured> measured = new ArrayList<>();
    for (int i = 0; i < BENCHMARKS; i++) {
      List<List<Double>> forks = new ArrayList<>();
      for (int fork = 0; fork < FORKS; fork++) {
        double ofFork = 100 * (i == 0 ? factor : 1) * (1 + 0.02 * random.nextGaussian());
        List<Double> scores = new ArrayList<>();
        for (int k = 0; k < ITERATIONS; k++) {
          scores.add(ofFork * (1 + 0.015 * random.nextGaussian()));
        }
        forks.add(scores);
      }
      measured.add(
          new Results.Measured("b" + i, "ops/s", forks, Map.of("bytes", i == 0 ? allocated : 0)));
    }
    return new Results(MACHINE, "c", "t", measured);
  }

  private static boolean fails(Results old, Results now) {
    return new Comparison(0.05, 0.01).compare(old, now).stream().anyMatch(Comparison.Row::fails);
  }

  @Test
  void identicalBuildsAreRarelyFlagged() {
    Random random = new Random(1);
    int flagged = 0;
    for (int i = 0; i < 200; i++) {
      flagged += fails(run(random, 1, 0), run(random, 1, 0)) ? 1 : 0;
    }
    assertThat(flagged).isLessThanOrEqualTo(2);
  }

  @Test
  void aTenPercentSlowDownIsCaught() {
    Random random = new Random(2);
    int caught = 0;
    for (int i = 0; i < 200; i++) {
      caught += fails(run(random, 1, 0), run(random, 0.9, 0)) ? 1 : 0;
    }
    assertThat(caught).isGreaterThanOrEqualTo(190);
  }

  @Test
  void aSpeedUpIsNoFailure() {
    Random random = new Random(3);
    assertThat(fails(run(random, 1, 0), run(random, 1.5, 0))).isFalse();
  }

  @Test
  void aRisingCounterFailsWhateverTheSpeed() {
    Random random = new Random(4);
    List<Comparison.Row> rows =
        new Comparison(0.05, 0.01).compare(run(random, 1, 0), run(random, 1, 5000));
    assertThat(rows.getFirst().fails()).isTrue();
    assertThat(Comparison.markdown(rows)).contains("bytes 0 -> 5,000");
  }

  @Test
  void severalRunsOfABuildAreOne(@TempDir Path directory) throws IOException {
    Random random = new Random(5);
    List<Path> files = List.of(directory.resolve("a.json"), directory.resolve("b.json"));
    for (Path file : files) {
      run(random, 1, 0).write(file);
    }
    Results joined = Results.read(files);
    assertThat(joined.benchmarks()).hasSize(BENCHMARKS);
    assertThat(joined.benchmarks().getFirst().forks()).hasSize(2 * FORKS);
  }

  @Test
  void otherMachinesAreNotCompared() {
    Results one = new Results(Map.of("cpu", "a"), "c", "t", List.of());
    Results other = new Results(Map.of("cpu", "b"), "c", "t", List.of());
    assertThat(one.differences(other)).containsExactly("cpu: a / b");
    assertThat(one.differences(one)).isEmpty();
  }
}
