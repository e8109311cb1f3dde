package dev.tallrec.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The gate: simulated runs with the noise of a shared machine. */
class ComparisonTest {

  private static final Map<String, String> MACHINE = Map.of("cpu", "x");
  private static final int BENCHMARKS = 12;
  private static final int FORKS = 6;
  private static final int ITERATIONS = 5;

  /**
   * Speeds around 100 with 2 % noise per fork and 1.5 % per iteration; benchmark 0 is {@code
   * factor} as fast.
   */
  private static Results run(Random random, double factor, double allocated) {
    return run(random, factor, allocated, 0.02);
  }

  private static Results run(Random random, double factor, double allocated, double noise) {
    List<Results.Measured> measured = new ArrayList<>();
    for (int i = 0; i < BENCHMARKS; i++) {
      List<List<Double>> forks = new ArrayList<>();
      for (int fork = 0; fork < FORKS; fork++) {
        double ofFork = 100 * (i == 0 ? factor : 1) * (1 + noise * random.nextGaussian());
        List<Double> scores = new ArrayList<>();
        for (int k = 0; k < ITERATIONS; k++) {
          scores.add(ofFork * (1 + 0.015 * random.nextGaussian()));
        }
        forks.add(scores);
      }
      measured.add(
          new Results.Measured(
              "b" + i,
              "ops/s",
              forks,
              Map.of(Counters.ALLOCATED, i == 0 ? allocated : 0),
              Map.of()));
    }
    return new Results(MACHINE, "c", "t", measured);
  }

  private static boolean fails(Results old, Results now) {
    return Comparison.of(old, now, 0.05).fails();
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

  /** Iterations taken for independent flag half of these. */
  @Test
  void identicalBuildsWhoseForksDifferMuchAreRarelyFlagged() {
    Random random = new Random(11);
    int flagged = 0;
    for (int i = 0; i < 200; i++) {
      flagged += fails(run(random, 1, 0, 0.08), run(random, 1, 0, 0.08)) ? 1 : 0;
    }
    assertThat(flagged).isLessThanOrEqualTo(6);
  }

  @Test
  void runsOfOtherBenchmarksAreNotJoined(@TempDir Path directory) throws IOException {
    Results whole = run(new Random(12), 1, 0);
    Results part = new Results(MACHINE, "c", "t", whole.benchmarks().subList(0, BENCHMARKS - 1));
    List<Path> files = List.of(directory.resolve("a.json"), directory.resolve("b.json"));
    whole.write(files.getFirst());
    part.write(files.getLast());
    assertThatThrownBy(() -> Results.read(files))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("b.json are not of the same benchmarks");
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
  void aSlowDownIsNamed() {
    Random random = new Random(8);
    Comparison comparison = Comparison.of(run(random, 1, 0), run(random, 0.8, 0), 0.05);
    assertThat(comparison.rows().getFirst().verdict()).isEqualTo("slower");
    assertThat(comparison.summary()).startsWith("b0: slower, 0.").doesNotContain("b1:");
  }

  @Test
  void resultFilesOfBeforeThereWereOtherFiguresAreRead(@TempDir Path directory) throws IOException {
    Path file = directory.resolve("old.json");
    run(new Random(9), 1, 0).write(file);
    Files.writeString(file, Files.readString(file).replaceAll(",\\s*\"others\" : \\{ }", ""));
    assertThat(Files.readString(file)).doesNotContain("others");
    assertThat(Results.read(file).benchmarks().getFirst().others()).isEmpty();
  }

  @Test
  void aSpeedUpIsNoFailure() {
    Random random = new Random(3);
    assertThat(fails(run(random, 1, 0), run(random, 1.5, 0))).isFalse();
  }

  @Test
  void aRisingCounterFailsWhateverTheSpeed() {
    Random random = new Random(4);
    Comparison comparison = Comparison.of(run(random, 1, 0), run(random, 1, 5000), 0.05);
    assertThat(comparison.fails()).isTrue();
    assertThat(comparison.rows().getFirst().verdict()).isEqualTo("counter rose");
    assertThat(comparison.summary()).isEqualTo("b0: bytes allocated per operation 0 -> 5,000");
    assertThat(MarkdownTable.of(comparison)).contains("bytes allocated per operation 0 -> 5,000");
  }

  @Test
  void severalRunsOfABuildAreOne(@TempDir Path directory) throws IOException {
    Random random = new Random(5);
    List<Path> files = List.of(directory.resolve("a.json"), directory.resolve("b.json"));
    run(random, 1, 300).write(files.getFirst());
    run(random, 1, 200).write(files.getLast());
    Results joined = Results.read(files);
    assertThat(joined.benchmarks()).hasSize(BENCHMARKS);
    assertThat(joined.benchmarks().getFirst().forks()).hasSize(2 * FORKS);
    assertThat(joined.benchmarks().getFirst().counters()).containsValue(200.0);
  }

  @Test
  void otherMachinesAreNotCompared() {
    Results one = new Results(Map.of("cpu", "a"), "c", "t", List.of());
    Results other = new Results(Map.of("cpu", "b"), "c", "t", List.of());
    assertThat(one.differences(other)).containsExactly("cpu: a / b");
    assertThat(one.differences(one)).isEmpty();
  }

  @Test
  void anIdenticalRunIsAsBefore() {
    Results run = run(new Random(6), 1, 1000);
    Comparison comparison = Comparison.of(run, run, 0.05);
    assertThat(comparison.fails()).isFalse();
    assertThat(comparison.summary()).isEqualTo("not slower than before");
    assertThat(comparison.rows()).extracting(Comparison.Row::verdict).containsOnly("as before");
  }

  @Test
  void nothingInCommonIsNoPass() {
    Results run = run(new Random(7), 1, 0);
    Results none = new Results(MACHINE, "c", "t", List.of());
    Comparison comparison = Comparison.of(run, none, 0.05);
    assertThat(comparison.fails()).isTrue();
    assertThat(comparison.unpaired()).hasSize(BENCHMARKS).contains("b0 (old only)");
  }

  @Test
  void aFingerprintIsTheSameForTheSameMachineOnly() {
    assertThat(Machine.hash(Map.of("cpu", "a", "os", "b")))
        .isEqualTo(Machine.hash(new TreeMap<>(Map.of("os", "b", "cpu", "a"))))
        .isNotEqualTo(Machine.hash(Map.of("cpu", "b", "os", "b")));
    assertThat(Machine.differences(Map.of(), Map.of("os", "b"))).containsExactly("os: null / b");
  }
}
