package dev.tallrec.cli;

import static dev.tallrec.cli.Outcome.run;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.tallrec.files.ProcessLock;
import dev.tallrec.llama.LlamaConfig;
import dev.tallrec.llama.LlamaConfigReader;
import dev.tallrec.llama.Projection;
import dev.tallrec.lora.LoraAdapter;
import dev.tallrec.lora.LoraConfig;
import dev.tallrec.lora.PeftDirectory;
import dev.tallrec.lora.TargetModules;
import dev.tallrec.model.BundledBase;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Any number of questions, and any bytes, as JSON lines. */
class ScoreCommandTest {

  @TempDir private Path directory;

  @Test
  void scoresAnyNumberOfLinesAndGoesOnAfterAKill() throws IOException {
    Path input = directory.resolve("users.jsonl");
    Path output = directory.resolve("scores.jsonl");
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      lines.add("{\"id\": %d, \"liked\": [\"A\"], \"target\": \"B %d\"}".formatted(i, i));
    }
    lines.set(3, "{\"liked\": [\"A\"]}");
    lines.set(5, "{nonsense");
    lines.set(7, "{\"target\": \"B\"}");
    Files.write(input, lines);
    assertThat(run("score", "--input", input, "--output", output).succeeded().out())
        .contains("17 scores: " + output, "3 lines could not be read: ");
    List<String> scored = Files.readAllLines(output);
    assertThat(scored).hasSize(17).allMatch(line -> line.contains("p_yes"));
    assertThat(Files.readString(directory.resolve("scores.jsonl.bad")))
        .contains("\"line\":4", "no \\\"target\\\"", "\"line\":6", "\"line\":8");
    // A kill in the midst of writing a line.
    Files.writeString(output, String.join("\n", scored).substring(0, 900));
    run("score", "--input", input, "--output", output).succeeded();
    assertThat(Files.readAllLines(output)).isEqualTo(scored);
    assertThat(Files.readAllLines(directory.resolve("scores.jsonl.bad"))).hasSize(3);
  }

  @Test
  void scoresWhatItCanReadOfAnyBytes() throws IOException {
    Path input = directory.resolve("users.jsonl");
    Path output = directory.resolve("scores.jsonl");
    ByteArrayOutputStream lines = new ByteArrayOutputStream();
    lines.writeBytes(utf8("{\"liked\": [\"A\"], \"target\": \"B\"}\r\n"));
    lines.writeBytes(
        "{\"liked\": [\"Am\u00e9lie\"], \"target\": \"B\"}\n"
            .getBytes(StandardCharsets.ISO_8859_1));
    lines.writeBytes(
        utf8("{\"liked\": [\"" + "x".repeat(LineReader.LONGEST) + "\"], \"target\": \"B\"}\n"));
    lines.writeBytes(utf8("{\"liked\": [\"" + "x".repeat(4000) + "\"], \"target\": \"B\"}\n"));
    lines.writeBytes(utf8("{\"liked\": [\"half \\ud800\"], \"target\": \"B\"}\n"));
    lines.writeBytes(
        utf8(
            "{\"liked\": [\"Am\u00e9lie\"], \"disliked\": ["
                + "\"Long Title of a Film (1999)\", ".repeat(200)
                + "\"Last\"], \"target\": \"B\"}"));
    Files.write(input, lines.toByteArray());
    run("score", "--input", input, "--output", output).succeeded();

    JsonMapper json = new JsonMapper();
    List<JsonNode> scored = new ArrayList<>();
    for (String line : Files.readAllLines(output)) {
      scored.add(json.readTree(line));
    }
    assertThat(scored).extracting(line -> line.path("line").asInt()).containsExactly(1, 5, 6);
    assertThat(scored).allMatch(line -> line.path("score").isNumber());
    assertThat(scored.get(0).path("cut").asInt(-1)).isZero();
    assertThat(scored.get(1).path("cut").asInt(-1)).isZero();
    assertThat(scored.get(2).path("cut").asInt()).isBetween(100, 200);
    assertThat(scored.get(2).path("liked").get(0).asText()).isEqualTo("Am\u00e9lie");
    List<String> bad = Files.readAllLines(directory.resolve("scores.jsonl.bad"));
    assertThat(bad).hasSize(3).allMatch(line -> line.length() < 5000);
    assertThat(bad.get(0)).contains("\"line\":2", "not in UTF-8", "Am\ufffdlie");
    assertThat(bad.get(1)).contains("\"line\":3", "longer than 1,048,576 bytes");
    assertThat(bad.get(2)).contains("\"line\":4", "does not fit a cutoff of 512");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "my notes, no end of line",
        "my notes\nand more\n",
        "{\"id\":1}\n{\"id\":2",
        "{\"line\":\"first\"}\n",
        "{\"line\":1}\n{\"id\":2}",
        "{\"line\":1}\n",
        "{\"line\":1}"
      })
  void aFileThatIsSomethingElseStaysAsItIs(String text) throws IOException {
    Path input = questions("users.jsonl", "A", "B");
    Path output = directory.resolve("scores.jsonl");
    for (Path foreign : List.of(output, ScoreOutput.problems(output))) {
      Files.writeString(foreign, text);
      run("score", "--input", input, "--output", output)
          .failed(foreign + " is in the way", "hoose another --output");
      assertThat(foreign).hasContent(text);
      assertThat(ScoreRun.file(output)).doesNotExist();
      Files.delete(foreign);
    }
    run("score", "--input", input, "--output", output).succeeded();
    Files.writeString(output, text.replace("{\"line\":1}", "{\"id\":1}"));
    run("score", "--input", input, "--output", output).failed(output + " is in the way");
    assertThat(output).hasContent(text.replace("{\"line\":1}", "{\"id\":1}"));
  }

  @Test
  void aDirectoryIsNoOutput() throws IOException {
    run("score", "--input", questions("users.jsonl", "A"), "--output", directory)
        .failed(directory + " is a directory");
  }

  /** Which the questions would be gone from by the time they are scored. */
  @Test
  void whatCannotBeReadTwiceIsNoInput() {
    Path output = directory.resolve("scores.jsonl");
    run("score", "--input", "/dev/null", "--output", output)
        .failed("/dev/null is not a regular file", "more than once");
    run("score", "--input", directory, "--output", output).failed(directory + " is not a regular");
    assertThat(directory).isEmptyDirectory();
  }

  @Test
  void twoRunsDoNotWriteToOneOutput() throws IOException {
    Path input = questions("users.jsonl", "A");
    Path output = directory.resolve("scores.jsonl");
    try (ProcessLock _ = ProcessLock.take(directory.resolve("scores.jsonl.lock"), output)) {
      run("score", "--input", input, "--output", output).failed(output + " is in use");
      assertThat(output).doesNotExist();
    }
    run("score", "--input", input, "--output", output).succeeded();
  }

  @Test
  void whatAKillLeftOfALineIsCutHoweverLittleItIs() throws IOException {
    Path input = questions("users.jsonl", "A", "B");
    Path output = directory.resolve("scores.jsonl");
    run("score", "--input", input, "--output", output).succeeded();
    String scored = Files.readString(output);
    for (int kept : List.of(0, 1, 8, 20, scored.length() - 1)) {
      Files.writeString(output, scored.substring(0, kept));
      run("score", "--input", input, "--output", output).succeeded();
      assertThat(output).hasContent(scored);
    }
  }

  @Test
  void theInputIsNotWrittenTo() throws IOException {
    Path input = questions("users.jsonl.bad", "A");
    String before = Files.readString(input);
    Path link = Files.createSymbolicLink(directory.resolve("link"), input);
    for (Path output : List.of(input, link, directory.resolve("users.jsonl"))) {
      run("score", "--input", input, "--output", output)
          .misused(" would be written, which is the input");
    }
    assertThat(input).hasContent(before);
  }

  @Test
  void scoresOfAnotherRunAreNotAppendedTo() throws IOException {
    Path input = questions("users.jsonl", "A", "B");
    Path output = directory.resolve("scores.jsonl");
    run("score", "--input", input, "--output", output).succeeded();
    String scored = Files.readString(output);
    // More lines of the same questions, whatever the file is called.
    Path more = questions("more.jsonl", "A", "B", "C");

    run("score", "--input", more, "--output", output, "--domain", "book")
        .failed(
            "scores.jsonl is of another run: domain is MOVIE there and BOOK here",
            "Go on with --base tallrec-mini-base --domain MOVIE --input " + input,
            "choose another --output, or remove");
    Path adapter = directory.resolve("adapter");
    adapter(adapter, 1);
    run("score", "--input", more, "--output", output, "--adapter", adapter)
        .failed("adapter.checksum is none there and ");
    Path base = BundledBase.unpack(directory);
    changeAWeight(base.resolve("model.safetensors"));
    run("score", "--input", more, "--output", output, "--base", base).failed("base.checksum is ");
    run("score", "--input", questions("other.jsonl", "A", "C", "C"), "--output", output)
        .failed("scores.jsonl is of another input: ", "other.jsonl differs in line 2 of it");
    run("score", "--input", questions("few.jsonl", "A"), "--output", output)
        .failed("few.jsonl lacks line 2 of it");
    assertThat(output).hasContent(scored);

    run("score", "--input", more, "--output", output).succeeded();
    assertThat(Files.readAllLines(output)).hasSize(3).startsWith(scored.split("\n"));

    Path ofAdapter = directory.resolve("adapted.jsonl");
    run("score", "--input", input, "--output", ofAdapter, "--adapter", adapter).succeeded();
    Path moved = directory.resolve("moved");
    Files.move(adapter, moved);
    run("score", "--input", more, "--output", ofAdapter, "--adapter", moved).succeeded();
    adapter(adapter, 2);
    run("score", "--input", more, "--output", ofAdapter, "--adapter", adapter)
        .failed("adapter.checksum is ", "--adapter " + adapter);
    Files.writeString(ScoreRun.file(ofAdapter), "{}");
    run("score", "--input", more, "--output", ofAdapter, "--adapter", moved)
        .failed("adapted.jsonl.run.json does not say of which run");
  }

  @Test
  void anotherInputIsSeenByLinesThatCouldNotBeRead() throws IOException {
    Path input = directory.resolve("users.jsonl");
    Path output = directory.resolve("scores.jsonl");
    Files.writeString(input, "nonsense\n");
    run("score", "--input", input, "--output", output).succeeded();
    run("score", "--input", questions("other.jsonl", "A"), "--output", output)
        .failed("other.jsonl differs in line 1");
    assertThat(output).isEmptyFile();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{'liked': 'A', 'disliked': ['C'], 'target': 'B'} | \"liked\" is not a list of titles",
        "{'liked': {'x': 'A'}, 'disliked': ['C'], 'target': 'B'} | \"liked\" is not a list",
        "{'liked': ['A'], 'disliked': null, 'target': 'B'} | \"disliked\" is not a list",
        "{'liked': ['A'], 'disliked': 3, 'target': 'B'} | \"disliked\" is not a list",
        "{'liked': ['A', 3], 'target': 'B'} | \"liked\" holds something that is not a title",
        "{'liked': ['A'], 'target': 'B'} {'liked': ['C']} | something follows the JSON object",
        "{'liked': ['A'], 'target': 'B'} 3 | something follows the JSON object",
        "{'liked': ['A'], 'target': 'B'}, | Unexpected character",
        "{'liked': ['A'], 'liked': ['C'], 'target': 'B'} | Duplicate field 'liked'"
      })
  void aQuestionThatIsNotWhollyUnderstoodIsNotScored(String line, String reason)
      throws IOException {
    Path input = directory.resolve("users.jsonl");
    Path output = directory.resolve("scores.jsonl");
    Files.writeString(input, line.replace('\'', '"') + "\n");
    run("score", "--input", input, "--output", output).succeeded();
    assertThat(output).isEmptyFile();
    JsonNode problem = new JsonMapper().readTree(Files.readString(ScoreOutput.problems(output)));
    assertThat(problem.path("line").asInt()).isEqualTo(1);
    assertThat(problem.path("problem").asText()).contains(reason);
  }

  /** Questions that differ in their target. */
  private Path questions(String name, String... targets) throws IOException {
    List<String> lines = new ArrayList<>();
    for (String target : targets) {
      lines.add(
          "{\"id\": 1.50, \"liked\": [\"half \\ud800\"], \"target\": \"%s\"}".formatted(target));
    }
    return Files.write(directory.resolve(name), lines);
  }

  /** A new adapter for the base that comes with the program. */
  private static void adapter(Path target, long seed) throws IOException {
    LoraConfig config =
        new LoraConfig(
            2, 4, 0, TargetModules.of(EnumSet.of(Projection.Q_PROJ)), false, Optional.empty());
    LlamaConfig base = BundledBase.use(BundledBase.NAME, LlamaConfigReader::read);
    try (LoraAdapter adapter = LoraAdapter.initial(base, config, seed)) {
      PeftDirectory.write(target, adapter, BundledBase.NAME);
    }
  }

  private static void changeAWeight(Path file) throws IOException {
    byte[] bytes = Files.readAllBytes(file);
    long header = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getLong();
    bytes[(int) header + Long.BYTES] ^= 1;
    Files.write(file, bytes);
  }

  private static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
