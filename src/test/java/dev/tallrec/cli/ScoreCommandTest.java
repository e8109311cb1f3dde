package dev.tallrec.cli;

import static dev.tallrec.cli.Outcome.run;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

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
    run("score", "--input", input, "--output", output).succeeded();
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

  private static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
