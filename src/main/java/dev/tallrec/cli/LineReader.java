package dev.tallrec.cli;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * The lines of a file, one at a time, whatever is in them: the memory taken has a bound, and bytes
 * that are no text spoil their own line alone.
 */
final class LineReader implements AutoCloseable {

  /** Longest line that is read, in bytes. */
  static final int LONGEST = 1 << 20;

  private static final int BUFFER = 1 << 16;
  private static final int MOST_SHOWN = 1_000;

  private final InputStream in;
  private final byte[] buffer = new byte[BUFFER];
  private int position;
  private int limit;

  /**
   * A line.
   *
   * @param bytes without the line's end; at most {@link #LONGEST}
   * @param isWhole whether it has no more of them
   */
  record Line(byte[] bytes, boolean isWhole) {

    /**
     * The line as text.
     *
     * @throws IOException if it is too long, or not in UTF-8
     */
    String text() throws IOException {
      if (!isWhole) {
        throw new IOException("longer than %,d bytes".formatted(LONGEST));
      }
      try {
        return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
      } catch (CharacterCodingException e) {
        throw new IOException("not in UTF-8", e);
      }
    }

    /** The line for people to find it by: what cannot be read is replaced, what is too long cut. */
    String shown() {
      int length = isWhole ? bytes.length : MOST_SHOWN;
      return new String(bytes, 0, length, StandardCharsets.UTF_8);
    }
  }

  LineReader(Path file) throws IOException {
    in = Files.newInputStream(file);
  }

  /** How many lines {@code file} has. */
  static long count(Path file) throws IOException {
    long lines = 0;
    try (LineReader reader = new LineReader(file)) {
      boolean ended = true;
      while (reader.fill()) {
        ended = reader.buffer[reader.limit - 1] == '\n';
        while (reader.position < reader.limit) {
          lines += reader.buffer[reader.position++] == '\n' ? 1 : 0;
        }
      }
      return ended ? lines : lines + 1;
    }
  }

  /** The next line; empty after the last. */
  Optional<Line> next() throws IOException {
    if (!fill()) {
      return Optional.empty();
    }
    ByteArrayOutputStream line = new ByteArrayOutputStream();
    boolean whole = true;
    while (fill()) {
      int end = position;
      while (end < limit && buffer[end] != '\n') {
        end++;
      }
      int kept = Math.min(end - position, LONGEST - line.size());
      line.write(buffer, position, kept);
      whole &= kept == end - position;
      position = end;
      if (end < limit) {
        position++;
        break;
      }
    }
    return Optional.of(new Line(line.toByteArray(), whole));
  }

  /** Sees to it that there are bytes; false at the end of the file. */
  private boolean fill() throws IOException {
    if (position == limit) {
      position = 0;
      limit = Math.max(0, in.read(buffer));
    }
    return limit > 0;
  }

  @Override
  public void close() throws IOException {
    in.close();
  }
}
