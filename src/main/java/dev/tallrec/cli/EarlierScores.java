package dev.tallrec.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * What an earlier run left of an output. Nothing is changed before all of it is found to be of the
 * run that goes on.
 *
 * @param run what the scores depend on; empty if nothing says so
 */
record EarlierScores(
    Path output, EarlierLines scores, EarlierLines problems, Optional<ScoreRun> run) {

  /** Fields of a scored line that are not the question's. */
  private static final List<String> OURS =
      List.of(
          ScoreOutput.LINE, ScoreOutput.CUT, ScoreOutput.YES, ScoreOutput.NO, ScoreOutput.SCORE);

  private static final JsonMapper JSON = new JsonMapper();

  /**
   * Reads it.
   *
   * @throws IOException if one of its files is something else, or nothing says of which run it is
   */
  static EarlierScores read(Path output) throws IOException {
    EarlierLines scores = EarlierLines.read(output);
    EarlierLines problems = EarlierLines.read(ScoreOutput.problems(output));
    EarlierScores earlier = new EarlierScores(output, scores, problems, ScoreRun.read(output));
    if (!earlier.isEmpty() && earlier.run.isEmpty()) {
      throw new IOException(
          "%s is in the way: there is no %s that says of which run it is. %s"
              .formatted(
                  scores.isEmpty() ? problems.file() : output,
                  ScoreRun.file(output),
                  ScoreRun.remedy(output)));
    }
    return earlier;
  }

  private boolean isEmpty() {
    return scores.isEmpty() && problems.isEmpty();
  }

  /**
   * Checks that the last lines that were scored, and could not be read, are those of {@code input}:
   * what it is called, and what was added to it since, do not matter.
   *
   * @throws IOException naming the line that is another
   */
  void requireQuestionsOf(Path input) throws IOException {
    long last = Math.max(scores.line(), problems.line());
    try (LineReader reader = new LineReader(input)) {
      for (long number = 1; number <= last; number++) {
        Optional<LineReader.Line> line = reader.next();
        if (line.isEmpty()
            || (number == scores.line() && !isQuestionOf(scores.last(), line.get()))
            || (number == problems.line() && !isShownIn(problems.last(), line.get()))) {
          throw new IOException(
              "%s is of another input: %s %s line %,d of it. Go on with that, or %s"
                  .formatted(
                      output,
                      input,
                      line.isEmpty() ? "lacks" : "differs in",
                      number,
                      ScoreRun.toBeginAnew(output)));
        }
      }
    }
  }

  private static boolean isShownIn(ObjectNode problem, LineReader.Line line) {
    return problem.path(ScoreOutput.TEXT).asText().equals(line.shown());
  }

  private static boolean isQuestionOf(ObjectNode scored, LineReader.Line line) {
    try {
      String asked = question(JSON.readTree(line.text()));
      // As it was written, with a ? for half a surrogate pair.
      byte[] written = asked.getBytes(StandardCharsets.UTF_8);
      return new String(written, StandardCharsets.UTF_8).equals(question(scored));
    } catch (IOException e) {
      return false;
    }
  }

  private static String question(JsonNode line) throws IOException {
    return JSON.writeValueAsString(
        line instanceof ObjectNode fields ? fields.deepCopy().remove(OURS) : line);
  }

  /**
   * Opens the output to go on with it.
   *
   * @throws IOException if it is of a run that differs from {@code here}
   */
  ScoreOutput goOn(ScoreRun here) throws IOException {
    if (isEmpty()) {
      here.keep(output);
    } else {
      here.check(output, run.orElseThrow());
    }
    return ScoreOutput.open(scores, problems);
  }
}
