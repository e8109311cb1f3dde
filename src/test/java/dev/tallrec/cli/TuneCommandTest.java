package dev.tallrec.cli;

import static dev.tallrec.cli.Outcome.run;
import static org.assertj.core.api.Assertions.assertThat;

import dev.tallrec.testing.Fixtures;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Tuning, and what is asked of the model that comes of it. */
class TuneCommandTest {

  @TempDir private Path directory;

  @Test
  void tunesEvaluatesAndRecommends() throws IOException {
    Path out = directory.resolve("run");
    Outcome outcome = SmallTune.tune(directory, out).succeeded();
    assertThat(outcome.out())
        .contains("base, not tuned", "after rec-tuning", "share of liked items", "users unknown")
        .contains("Plot of loss and AUC: " + out.resolve("plot.png"));
    assertThat(ImageIO.read(out.resolve("plot.png").toFile()).getWidth()).isGreaterThan(500);
    assertThat(out.resolve("rec-checkpoint")).doesNotExist();

    Outcome refused = run("evaluate", "--scores", directory).failed(directory + " is no file");
    assertThat(refused.err()).doesNotContain("scoring");
    Path scores = directory.resolve("scores.csv");
    Outcome evaluated =
        run(
                "evaluate",
                "--data",
                directory.resolve("data"),
                "--adapter",
                out.resolve("adapter"),
                "--scores",
                scores)
            .succeeded();
    String reported =
        outcome.out().lines().filter(l -> l.startsWith("after rec")).findFirst().get();
    String auc = evaluated.out().lines().filter(l -> l.startsWith("this model")).findFirst().get();
    assertThat(reported).contains(auc.split("\\s+")[2]);
    assertThat(Files.readAllLines(scores))
        .hasSize(25)
        .first()
        .isEqualTo("example,user,liked,p_yes,p_no,score");

    Outcome ranked =
        run(
                "recommend",
                "--adapter",
                out.resolve("adapter"),
                "--liked",
                "Star Wars (1977)",
                "--candidate",
                "Alien (1979)",
                "--candidate",
                "Bambi (1942)")
            .succeeded();
    assertThat(ranked.out()).contains("Alien (1979)", "Bambi (1942)", "p(Yes)");

    Path merged = directory.resolve("merged");
    assertThat(run("merge", "--adapter", out.resolve("adapter"), "--out", merged).succeeded().out())
        .contains(merged.toString(), "12 weights changed");
    Outcome ofMerged =
        run("evaluate", "--data", directory.resolve("data"), "--base", merged).succeeded();
    assertThat(ofMerged.out()).contains(auc.split("\\s+")[2]);
    run("merge", "--adapter", out.resolve("adapter"), "--out", merged).failed("already exists");

    // As if killed when the result was written and the checkpoint was not gone yet.
    Files.createFile(Files.createDirectory(out.resolve("rec-checkpoint")).resolve("state.json"));
    assertThat(run("tune", "--resume", out).succeeded().out()).contains("after rec-tuning");
    assertThat(out.resolve("rec-checkpoint")).doesNotExist();
    SmallTune.tune(directory, out, "--seed", 5).failed("other settings");
  }

  @Test
  void noPlotIsAnnouncedOfARunThatTrainsNothing() throws IOException {
    Path out = directory.resolve("run");
    Outcome outcome =
        run(
                "tune",
                "--data",
                SmallTune.data(directory),
                "--instruction-epochs",
                0,
                "--rec-epochs",
                0,
                "--out",
                out)
            .succeeded();
    assertThat(outcome.out()).contains("Adapter (PEFT): ").doesNotContain("Plot of");
    assertThat(out.resolve("plot.png")).doesNotExist();
  }

  @Test
  void candidatesAreComparedBehindOneHistory() throws IOException {
    Path file = directory.resolve("candidates.txt");
    Files.write(file, "Am\u00e9lie (2001)\n".getBytes(StandardCharsets.ISO_8859_1));
    run("recommend", "--liked", "A", "--candidates", file)
        .failed("candidates.txt", "not in UTF-8", "iconv");

    List<Object> arguments = new ArrayList<>(List.of("recommend", "--candidates", file));
    Files.writeString(file, "Am\u00e9lie (2001)\nBambi (1942)\n");
    for (int i = 0; i < 60; i++) {
      arguments.addAll(List.of("--liked", "Liked Title %d (1999)".formatted(i)));
      arguments.addAll(List.of("--disliked", "Other Title %d (1999)".formatted(i)));
    }
    Outcome ranked = run(arguments.toArray()).succeeded();
    assertThat(ranked.err())
        .containsPattern("the \\d+ oldest of 120 titles liked and disliked are left out");
    assertThat(ranked.out()).contains("Am\u00e9lie (2001)", "Bambi (1942)");

    arguments.addAll(List.of("--candidate", "x".repeat(4000)));
    run(arguments.toArray()).failed("candidate xxx", "does not fit a cutoff of 512");
  }

  @Test
  void evaluationSaysWhatTheCutoffTakes() throws IOException {
    Path data = SmallTune.data(directory);
    Path test = data.resolve("test.json");
    String examples = Files.readString(test);
    Files.writeString(
        test, examples.replace("\\\"A0\\\"", "\\\"A%s\\\"".formatted("\\\", \\\"B".repeat(20))));
    Outcome evaluated =
        run("evaluate", "--data", data, "--device", "cpu", "--cutoff", 130).succeeded();
    assertThat(evaluated.out()).startsWith("data test, 24 examples").doesNotContain("cutoff");
    assertThat(evaluated.err())
        .contains(
            "data test: 1 of 24 prompts lost the oldest items of their history to the cutoff of 130"
                + " tokens");
    Files.writeString(
        test, examples.replace("User Preference: \\\"A0", "x ".repeat(60) + "Of User A0"));
    assertThat(
            run("evaluate", "--data", data, "--device", "cpu", "--cutoff", 130).succeeded().err())
        .contains(
            "data test: 1 of 24 prompts lost the start of their input to the cutoff of 130 tokens");
    run("evaluate", "--data", data, "--cutoff", 60)
        .failed("data test, example 1: ", "does not fit");
  }

  @Test
  void dataSetsOfOneNameAreRefused() throws IOException {
    Path one = SmallTune.data(directory);
    Path other = directory.resolve("more/data");
    Fixtures.copy(one, other);
    Path out = directory.resolve("run");
    run("tune", "--data", one + "," + other, "--out", out).failed("called data", "rename");
    assertThat(out).doesNotExist();
    SmallTune.tune(directory, out, "--test", one + "," + other).failed("called data", "rename");
  }

  @ParameterizedTest
  @CsvSource({
    "rec-batch-size, 0, rec: batch_size is 0",
    "instruction-batch-size, -4, instruction: batch_size is -4",
    "rec-validation, -1, rec: validation is -1",
    "rec-epochs, -3, rec: epochs is -3",
    "rec-learning-rate, 100, rec: learning_rate is 100.0",
    "rec-learning-rate, NaN, rec: learning_rate is NaN",
    "rec-warmup, -1, rec: warmup is -1.0",
    "rec-cutoff, 1, rec: cutoff is 1",
    "rec-evaluate-every, -1, rec: evaluate_every is -1",
    "rec-patience, -1, rec: patience is -1",
    "rec-weight-decay, -1, rec: weight_decay is -1.0",
    "rec-max-grad-norm, -1, rec: max_grad_norm is -1.0",
    "memory-micro-batch-tokens, 0, memory: micro_batch_tokens is 0",
    "memory-score-batch-tokens, 0, memory: score_batch_tokens is 0",
    "memory-saved-layers, -2, memory: saved_layers is -2",
    "k, -1, k is -1"
  })
  void settingsThatMakeNoSenseAreRefusedAtOnce(String option, String value, String named) {
    run("tune", "--" + option, value, "--show-settings").failed(named);
  }

  @Test
  void anExampleWithoutALabelLeftIsExplained() throws IOException {
    SmallTune.tune(directory, directory.resolve("run"), "--rec-cutoff", 95)
        .failed("example 1", "cutoff", "drop-cut-off");
    SmallTune.tune(directory, directory.resolve("other"), "--rec-cutoff", 95, "--rec-drop-cut-off")
        .failed("no example has an answer");
    SmallTune.tune(
            directory, directory.resolve("third"), "--rec-cutoff", 40, "--rec-train-on-inputs")
        .failed("does not fit a cutoff of 40");
  }

  @Test
  void oneClassIsExplained() throws IOException {
    Path data = SmallTune.data(directory);
    Path test = data.resolve("test.json");
    Files.writeString(test, Files.readString(test).replace("Yes.", "No."));
    run("evaluate", "--data", data).failed("all 24 are disliked");
  }

  @Test
  void anOutputThatCannotBeWrittenIsExplained() throws IOException {
    Path blocked = directory.resolve("file");
    Files.writeString(blocked, "");
    SmallTune.tune(directory, blocked.resolve("run")).failed("file");
  }
}
