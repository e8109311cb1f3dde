package dev.tallrec.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.OutputStreamWriter;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;

/**
 * A file of scores, and beside it one of the lines that could not be read, both JSON lines with the
 * number of the input's line first. They are written so that a kill at any instant loses nothing:
 * the last score says where to go on.
 */
final class ScoreOutput implements AutoCloseable {

  /** The field that holds the number of the input's line, the first of each line. */
  static final String LINE = "line";

  /** The field of how many titles were left out. */
  static final String CUT = "cut";

  static final String YES = "p_yes";
  static final String NO = "p_no";
  static final String SCORE = "score";

  /** The field of a line that could not be read that holds it, as far as it is shown. */
  static final String TEXT = "text";

  private static final JsonMapper JSON = new JsonMapper();

  private final BufferedWriter scores;
  private final BufferedWriter problems;
  private final long lastScored;
  private final long lastProblem;

  ScoreOutput(Writer scores, Writer problems, long lastScored, long lastProblem) {
    this.scores = new BufferedWriter(scores);
    this.problems = new BufferedWriter(problems);
    this.lastScored = lastScored;
    this.lastProblem = lastProblem;
  }

  /**
   * Opens both files to go on with them.
   *
   * @param scored what the file of scores holds
   * @param problems what that of lines that could not be read holds
   */
  static ScoreOutput open(EarlierLines scored, EarlierLines problems) throws IOException {
    scored.cut();
    problems.cut();
    Writer scores = append(scored.file());
    try {
      return new ScoreOutput(scores, append(problems.file()), scored.line(), problems.line());
    } catch (IOException e) {
      scores.close();
      throw e;
    }
  }

  /** The file of lines that could not be read. */
  static Path problems(Path file) {
    return file.resolveSibling(file.getFileName() + ".bad");
  }

  /** A writer that has a ? for half a surrogate pair, which JSON's escapes can make. */
  private static Writer append(Path file) throws IOException {
    return new OutputStreamWriter(
        Files.newOutputStream(file, StandardOpenOption.CREATE, StandardOpenOption.APPEND),
        StandardCharsets.UTF_8);
  }

  /** Number of the line that the last score stems from; 0 if there is none. */
  long lastScored() {
    return lastScored;
  }

  /**
   * Notes a line that could not be read, if an earlier run has not.
   *
   * @param shown the line for people to find it by
   */
  void problem(long line, String shown, Exception reason) throws IOException {
    if (line <= lastProblem) {
      return;
    }
    ObjectNode problem = JSON.createObjectNode();
    problem.put(LINE, line);
    problem.put(
        "problem",
        reason instanceof JsonProcessingException json
            ? json.getOriginalMessage()
            : reason.getMessage());
    problem.put(TEXT, shown);
    problems.write(JSON.writeValueAsString(problem));
    problems.newLine();
  }

  /**
   * Writes scored lines, {@link #LINE} the first of their fields, in its order; before them all
   * problems noted so far, since a score says that whatever precedes it is written.
   */
  void scored(List<ObjectNode> lines) throws IOException {
    problems.flush();
    for (ObjectNode line : lines) {
      scores.write(JSON.writeValueAsString(line));
      scores.newLine();
    }
    scores.flush();
  }

  @Override
  public void close() throws IOException {
    try (scores;
        problems) {
      // Problems are closed, and so written, first.
    }
  }
}
