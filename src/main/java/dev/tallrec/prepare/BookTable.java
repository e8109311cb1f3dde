package dev.tallrec.prepare;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.regex.Pattern;
import org.apache.commons.csv.CSVFormat;
import org.apache.commons.csv.CSVParser;
import org.apache.commons.csv.CSVRecord;
import org.jspecify.annotations.Nullable;

/**
 * A table of Book-Crossing, row by row, in either form it is passed on in: as first published
 * (ISO-8859-1, semicolons between fields, quotation marks escaped by backslashes) or as usual CSV
 * in UTF-8. The header tells which.
 *
 * <p>Rows are put together from lines here and only then parsed, because a parser that meets a
 * stray quotation mark takes the rows after it for part of a field, and cannot go on after an
 * error.
 */
final class BookTable implements AutoCloseable {

  /** As it reads in ISO-8859-1. */
  private static final String BYTE_ORDER_MARK = "\u00ef\u00bb\u00bf";

  private static final Pattern ESCAPED = Pattern.compile("\\\\([\\\\\"])");

  /** A quotation mark that is still open after so many lines was never meant to open a field. */
  private static final int MOST_LINES = 10;

  private final Path file;
  private final BufferedReader reader;
  private final boolean original;
  private final CSVFormat format;
  private final List<String> header;
  private final Deque<String> ahead = new ArrayDeque<>();

  /**
   * @throws IOException naming the file if it has no header or cannot be read
   */
  BookTable(Path file) throws IOException {
    String top = top(file);
    this.file = file;
    original = top.indexOf(';') >= 0;
    format = CSVFormat.DEFAULT.builder().setDelimiter(original ? ';' : ',').get();
    header =
        fields(top.startsWith(BYTE_ORDER_MARK) ? top.substring(BYTE_ORDER_MARK.length()) : top)
            .stream()
            .map(String::strip)
            .toList();
    Charset charset =
        original && !top.startsWith(BYTE_ORDER_MARK)
            ? StandardCharsets.ISO_8859_1
            : StandardCharsets.UTF_8;
    reader = Files.newBufferedReader(file, charset);
  }

  private static String top(Path file) throws IOException {
    try (BufferedReader reader = Files.newBufferedReader(file, StandardCharsets.ISO_8859_1)) {
      String top = reader.readLine();
      if (top == null || top.isBlank()) {
        throw new IOException(
            "%s does not begin with a header: it is empty or damaged; get it again from where Book-Crossing is published"
                .formatted(file));
      }
      return top;
    }
  }

  /** What to do with a row. */
  @FunctionalInterface
  interface Row {
    /**
     * Uses the row or says why it cannot be used.
     *
     * @param values in the order of the columns asked for, without spaces around them
     * @return the reason, or empty if it is used
     */
    String use(List<String> values);
  }

  /** What becomes of rows that are not used. */
  @FunctionalInterface
  interface Skipped {
    void row(String reason);
  }

  /**
   * Reads all rows.
   *
   * @throws IOException naming the file if a column is missing or it cannot be decoded
   */
  void read(List<String> columns, Row row, Skipped skipped) throws IOException {
    List<Integer> places = new ArrayList<>();
    for (String column : columns) {
      int place = header.indexOf(column);
      if (place < 0) {
        throw new IOException(
            "%s has no column %s; it has %s. Columns of Book-Crossing keep their names, and a header stands in the first line"
                .formatted(file, column, header));
      }
      places.add(place);
    }
    try {
      nextLine();
      for (String line = nextLine(); line != null; line = nextLine()) {
        if (line.isBlank()) {
          continue;
        }
        List<String> fields = row(line);
        String reason =
            fields.isEmpty()
                ? "broken row"
                : row.use(places.stream().map(place -> fields.get(place).strip()).toList());
        if (!reason.isEmpty()) {
          skipped.row(reason);
        }
      }
    } catch (CharacterCodingException e) {
      throw new IOException(
          "%s is not UTF-8, as Book-Crossing with commas between fields is; convert it to UTF-8"
              .formatted(file),
          e);
    }
  }

  /** Fields of the row that begins with {@code first}; empty if it is broken. */
  private List<String> row(String first) throws IOException {
    List<String> further = new ArrayList<>();
    String text = standard(first);
    while (endsInsideQuotes(text) && 1 + further.size() < MOST_LINES) {
      String line = nextLine();
      if (line == null) {
        break;
      }
      further.add(line);
      text += "\n" + standard(line);
    }
    List<String> fields = fields(text);
    if (fields.size() != header.size()) {
      // Only the first line is known to be broken; the others may be rows of their own.
      further.reversed().forEach(ahead::addFirst);
      return List.of();
    }
    return fields;
  }

  private @Nullable String nextLine() throws IOException {
    return ahead.isEmpty() ? reader.readLine() : ahead.removeFirst();
  }

  /**
   * Doubles quotation marks in place of escaping them. The parser's own escapes would also make
   * line ends of the backslashes before an n in titles.
   */
  private String standard(String line) {
    return original && line.indexOf('\\') >= 0
        ? ESCAPED
            .matcher(line)
            .replaceAll(escaped -> escaped.group(1).equals("\"") ? "\"\"" : "\\\\")
        : line;
  }

  private boolean endsInsideQuotes(String text) {
    char separator = original ? ';' : ',';
    boolean inside = false;
    boolean quoted = false;
    boolean atStart = true;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == '"' && (quoted || atStart)) {
        quoted = true;
        inside = !inside;
        atStart = false;
      } else if (!inside && c == separator) {
        quoted = false;
        atStart = true;
      } else {
        atStart = false;
      }
    }
    return inside;
  }

  /** Fields of a row; empty if its quotation marks are not as they should be. */
  private List<String> fields(String row) {
    try (CSVParser parser = CSVParser.parse(row, format)) {
      List<CSVRecord> records = parser.getRecords();
      return records.size() == 1 ? records.getFirst().toList() : List.of();
    } catch (IOException | UncheckedIOException e) {
      // No more than a row in memory is read, so it is the row that is wrong.
      return List.of();
    }
  }

  @Override
  public void close() throws IOException {
    reader.close();
  }
}
