package dev.tallrec.cli;

import static dev.tallrec.cli.Outcome.run;
import static org.assertj.core.api.Assertions.assertThat;

import dev.tallrec.testing.Fixtures;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is typed: usage, help, and input that no command can take. */
class CommandLineTest {

  @TempDir private Path directory;

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "nosuch",
        "run --k x",
        "tune --nosuch 3",
        "recommend --liked A",
        "verify",
        "tune --resume x --k 3",
        "tune --resume x --out y",
        "evaluate --part nosuch",
        "evaluate --cutoff 1",
        "evaluate --batch-tokens 0",
        "evaluate --batch-tokens 2000000000",
        "score --input a --output b --batch-tokens -1",
        "profile --examples 0",
        "generate --prompt x --tokens 0",
        "generate --prompt x --temperature -1",
        "generate --prompt x --temperature NaN",
        "generate --prompt x --device cpu --threads 0",
        "generate --prompt x --device cpu --threads 1000000",
        "verify --ops --device cpu --threads 0",
        "generate --prompt x --device cpu --gpu 1",
        "generate --prompt x --gpu -1",
        "run --out=",
        "experiment kshot --endpoint ftp://x/v1",
        "experiment kshot --endpoint http://x/v1 --endpoint-attempts 0",
        "experiment kshot --endpoint http://x/v1 --price-input -1",
        "experiment kshot --instructions a.json --adapter b"
      })
  void wrongUsageIsTwo(String line) {
    Outcome outcome = run((Object[]) (line.isEmpty() ? new String[0] : line.split(" ")));
    assertThat(outcome.code()).as(outcome.err()).isEqualTo(2);
    assertThat(outcome.err()).contains("Usage:");
  }

  @Test
  void helpNamesEverySettingWithItsDefaults() {
    assertThat(run("tune", "--help").succeeded().out())
        .contains("--rec-learning-rate", "mini: 0.002", "paper: 1.0E-4", "--lora-target-modules");
    assertThat(run("tune", "--preset", "paper", "--show-settings").succeeded().out())
        .contains("batch_size: 128", "epochs: 200");
  }

  @Test
  void badInputIsExplained() throws IOException {
    Path data = SmallTune.data(directory);
    run("tune", "--data", "nosuch", "--out", directory.resolve("a"))
        .failed("nosuch", "movie nor book");
    run(
            "tune",
            "--k",
            9000,
            "--instruction-epochs",
            0,
            "--data",
            data,
            "--out",
            directory.resolve("b"))
        .failed("K = 9000");
    run("tune", "--base", directory, "--out", directory.resolve("c")).failed("config.json");
    run("tune", "--rec-learning-rate", "fast", "--show-settings")
        .failed("rec.learning_rate", "fast");
    run("tune", "--lora-target-modules", "q_proj,x_proj", "--out", directory.resolve("d"))
        .failed("x_proj");
    run("evaluate", "--adapter", Fixtures.golden("A_mha_qv").resolve("adapter"))
        .failed("another base");
    Path settings = directory.resolve("settings.yaml");
    Files.writeString(settings, "rec:\n  epoch: 3\n");
    run("tune", "--settings", settings, "--show-settings").failed("settings.yaml", "rec.epoch");
    Files.writeString(settings, "rec:\n  epochs: [\n");
    run("tune", "--settings", settings, "--show-settings").failed("settings.yaml", "line");
    Files.writeString(settings, "k: 16\nrec:\n  patience: 0.9\n");
    run("tune", "--settings", settings, "--show-settings")
        .failed("settings.yaml, line 3: rec.patience is \"0.9\", not a whole number");
    Files.writeString(settings, "k: 16.9\n---\n[\n");
    run("tune", "--settings", settings, "--show-settings")
        .failed("settings.yaml, line 1: k is \"16.9\", not a whole number");
    run("tune", "--settings", settings, "--k", 16.9, "--rec-patience", 1, "--show-settings")
        .failed("settings: k is \"16.9\", not a whole number");
    Files.writeString(settings, "k: 4\nseed: 1\nk: 5\n");
    run("tune", "--settings", settings, "--show-settings")
        .failed("settings.yaml", "line 3", "uplicate", "'k'");
    Files.writeString(settings, "rec:\n  epochs: 3\nk: 5\n");
    assertThat(run("tune", "--settings", settings, "--k", 7, "--show-settings").succeeded().out())
        .contains("epochs: 3", "k: 7");
    Files.writeString(data.resolve("train.json"), "[\n{\"instruction\": 3}\n]");
    run("evaluate", "--data", data).failed("train.json", "line 2");
    Files.writeString(data.resolve("train.json"), "[]");
    run("evaluate", "--data", data).failed("no examples");
  }

  @Test
  void aHistoryOfNothingIsExplained() throws IOException {
    Path file = directory.resolve("ratings.csv");
    Files.writeString(file, "user,title,rating,time\nu,x,7,1\n");
    run("prepare", "csv", file, "--out", directory.resolve("out"), "--history", -1)
        .failed("--history");
  }

  @Test
  void whatAnExperimentCannotStartFromIsKnownBeforeItsFirstRun() throws IOException {
    Path out = directory.resolve("runs");
    Path instructions = directory.resolve("instructions.json");
    Files.writeString(instructions, "[{\"instruction\":\"a\",\"input\":\"\",\"output\":\"b\"}]");
    run("experiment", "table1", "--out", out, "--instructions", instructions)
        .failed("variant TALLRec", "100 of 1 examples", "instructions.json");
    run("experiment", "all", "--out", out, "--adapter", directory.resolve("nosuch"))
        .failed("variant TALLRec", "nosuch");
    run("experiment", "full", "--out", out, "--adapter", directory.resolve("nosuch"))
        .failed("no run of full", "--adapter");
    assertThat(out).doesNotExist();
  }

  @Test
  void preparesBooksAndSaysWhatWasLeftOut() throws IOException {
    Path raw = Files.createDirectories(directory.resolve("raw"));
    Path out = directory.resolve("books");
    run("prepare", "bookcrossing", "--raw", raw, "--out", out).failed("BX-Books.csv", "unpack");
    StringBuilder books = new StringBuilder("ISBN,Book-Title,Book-Author\n");
    StringBuilder ratings = new StringBuilder("User-ID,ISBN,Book-Rating\n7,0,9\n");
    for (int i = 0; i < 40; i++) {
      books.append("%d,Book %d,Author %d\n".formatted(i, i, i));
      ratings.append("%d,%d,%d\n".formatted(100 + i / 4, i, 1 + i % 10));
    }
    Files.writeString(raw.resolve("BX-Books.csv"), books);
    Files.writeString(raw.resolve("BX-Ratings.csv"), ratings);
    assertThat(run("prepare", "bookcrossing", "--raw", raw, "--out", out).succeeded().out())
        .contains(
            "left out: users with too few ratings (1)", "train.json: 8 ", "test.json: 1 example");
    assertThat(run("prepare").err()).contains("movielens, bookcrossing or csv");
  }
}
