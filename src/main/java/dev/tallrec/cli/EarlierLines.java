package dev.tallrec.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * What an earlier run left in a file of {@link ScoreOutput}. Reading it changes nothing: a file
 * that is something else stays what it is.
 *
 * @param last fields of the last whole line; empty if there is none
 * @param end where that line ends, in bytes
 * @param size of the file; beyond the end is what a kill left of another line
 */
record EarlierLines(Path file, ObjectNode last, long end, long size) {

  /** What all lines start with, a kill's as far as they go. */
  private static final byte[] START =
      "{\"%s\":".formatted(ScoreOutput.LINE).getBytes(StandardCharsets.UTF_8);

  /** Bytes that no line of ours has: a character of one that could not be read may take six. */
  private static final int TOO_LONG = 8 * LineReader.LONGEST;

  private static final JsonMapper JSON = new JsonMapper();

  /**
   * Reads {@code file}, if there is one.
   *
   * @throws IOException if it holds anything but lines of a {@link ScoreOutput}
   */
  static EarlierLines read(Path file) throws IOException {
    ObjectNode last = JSON.createObjectNode();
    long end = 0;
    long size = 0;
    if (!Files.exists(file)) {
      return new EarlierLines(file, last, end, size);
    }
    requireNoDirectory(file);
    ByteArrayOutputStream line = new ByteArrayOutputStream();
    try (InputStream in = new BufferedInputStream(Files.newInputStream(file), 1 << 16)) {
      for (int next = in.read(); next >= 0; next = in.read()) {
        size++;
        if (next == '\n') {
          last = fields(file, line.toByteArray());
          line.reset();
          end = size;
        } else {
          line.write(next);
          int length = line.size();
          if (length > TOO_LONG || (length <= START.length && START[length - 1] != (byte) next)) {
            throw foreign(file);
          }
        }
      }
    }
    return new EarlierLines(file, last, end, size);
  }

  /** Throws {@link IOException} if a directory is where a file has to be. */
  static void requireNoDirectory(Path file) throws IOException {
    if (Files.isDirectory(file)) {
      throw new IOException(file + " is a directory, not a file: choose another --output");
    }
  }

  private static ObjectNode fields(Path file, byte[] line) throws IOException {
    JsonNode node;
    try {
      node = JSON.readTree(line);
    } catch (JsonProcessingException e) {
      throw foreign(file);
    }
    if (node instanceof ObjectNode fields && fields.path(ScoreOutput.LINE).isIntegralNumber()) {
      return fields;
    }
    throw foreign(file);
  }

  private static IOException foreign(Path file) {
    return new IOException(
        "%s is in the way: it is not an output of this command, or is one of an older version. It is left as it is: choose another --output, or remove it"
            .formatted(file));
  }

  /** Number of the input's line that the last whole line stems from; 0 if there is none. */
  long line() {
    return last.path(ScoreOutput.LINE).asLong();
  }

  boolean isEmpty() {
    return size == 0;
  }

  /** Cuts off what a kill left of a line. */
  void cut() throws IOException {
    if (end < size) {
      try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
        channel.truncate(end);
      }
    }
  }
}
