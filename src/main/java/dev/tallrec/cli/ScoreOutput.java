package dev.tallrec.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedWriter;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStreamWriter;
import java.io.Writer;
import java.nio.ByteBuffer;
import java.nio.channels.SeekableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;

/**
 * A file of scores, and beside it one of the lines that could not be read, both JSON lines with the
 * number of the input's line. They are written so that a kill at any instant loses nothing: the
 * last score says where to go on.
 */
final class ScoreOutput implements AutoCloseable {

  /** The field that holds the number of the input's line. */
  static final String LINE = "line";

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
   * @throws IOException if one of them is something else
   */
  static ScoreOutput open(Path file) throws IOException {
    Path bad = problems(file);
    long scored = lastLine(file);
    long problem = lastLine(bad);
    Writer scores = append(file);
    try {
      return new ScoreOutput(scores, append(bad), scored, problem);
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

  /**
   * Number of the input's line that a file's last whole line stems from; what a kill left of
   * another is cut off.
   */
  private static long lastLine(Path file) throws IOException {
    if (!Files.exists(file)) {
      return 0;
    }
    long last = 0;
    long end = 0;
    try (SeekableByteChannel channel =
        Files.newByteChannel(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      ByteArrayOutputStream line = new ByteArrayOutputStream();
      ByteBuffer buffer = ByteBuffer.allocate(1 << 16);
      long position = 0;
      while (channel.read(buffer.clear()) > 0) {
        buffer.flip();
        while (buffer.hasRemaining()) {
          byte next = buffer.get();
          position++;
          if (next == '\n') {
            last = JSON.readTree(line.toByteArray()).path(LINE).asLong();
            line.reset();
            end = position;
          } else {
            line.write(next);
          }
        }
      }
      channel.truncate(end);
    } catch (JsonProcessingException e) {
      throw new IOException(file + " is in the way: it is not an output of this command", e);
    }
    return last;
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
    problem.put("text", shown);
    problems.write(JSON.writeValueAsString(problem));
    problems.newLine();
  }

  /**
   * Writes scored lines, with their {@link #LINE}, in its order; before them all problems noted so
   * far, since a score says that whatever precedes it is written.
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
