package dev.tallrec.prepare;

import dev.tallrec.rec.Domain;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.Charset;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Random;
import java.util.TreeMap;
import org.apache.commons.csv.CSVException;
import org.apache.commons.csv.CSVFormat;
import org.apache.commons.csv.CSVParser;
import org.apache.commons.csv.CSVRecord;

/**
 * Examples out of any table of ratings.
 *
 * @param columns names of the columns user, title, rating and time
 * @param separator between fields
 * @param charset of the file
 * @param likedAbove ratings above this are likes
 * @param history items before the target, at least 1
 * @param split how examples go to train, valid and test
 * @param seed of a random split
 */
public record RatingsCsv(
    Columns columns,
    char separator,
    Charset charset,
    double likedAbove,
    int history,
    Split split,
    long seed) {

  /** Reason for which users, not rows, are left out. */
  static final String TOO_FEW = "users with too few ratings";

  private static final char BYTE_ORDER_MARK = '\ufeff';

  /** Throws {@link IllegalArgumentException} naming the setting that makes no sense. */
  public RatingsCsv {
    if (history < 1) {
      throw new IllegalArgumentException(
          "a history of %d items (--history): 1 is the shortest".formatted(history));
    }
    if (!Double.isFinite(likedAbove)) {
      throw new IllegalArgumentException(
          "liked above %s (--liked-above): a number is needed".formatted(likedAbove));
    }
  }

  /** Names of columns in the file's header. */
  public record Columns(String user, String title, String rating, String time) {}

  /** How examples are split. */
  public enum Split {
    /** In order of users, as the paper's movie examples are. */
    USERS,
    /** In order of the target's time. */
    TIME,
    /** At random. */
    RANDOM
  }

  /**
   * What came of a file.
   *
   * @param written examples by file
   * @param skipped how many rows, or users, were left out, by reason
   */
  public record Outcome(Map<String, Integer> written, Map<String, Integer> skipped) {}

  /**
   * Makes train.json, valid.json, test.json, users.json.gz and order.json.gz, 8 : 1 : 1. Rows that
   * cannot be used are counted by reason, and so are users whose ratings do not fill a history and
   * a target.
   *
   * @throws IOException naming the file if a column is missing or there twice, if it is not of the
   *     charset or its quotation marks are not in order, if times cannot be told apart by one rule,
   *     or too few examples come of it
   */
  public Outcome prepare(Path file, Domain domain, Path directory) throws IOException {
    Map<String, Integer> skipped = new TreeMap<>();
    List<Rating> ratings = read(file, skipped);
    List<Windows.Window> windows = new ArrayList<>(Windows.of(ratings, history, domain));
    int tooFew =
        (int)
            (ratings.stream().map(Rating::user).distinct().count()
                - windows.stream().map(Windows.Window::user).distinct().count());
    if (tooFew > 0) {
      skipped.put(TOO_FEW, tooFew);
    }
    if (windows.isEmpty()) {
      throw new IOException(
          "%s: no user has more than %d usable ratings (--history)%s"
              .formatted(
                  file,
                  history,
                  skipped.isEmpty() ? "; nothing was left out" : "; left out: " + skipped));
    }
    switch (split) {
      case USERS -> {}
      case TIME -> windows.sort(Comparator.comparing(Windows.Window::time));
      case RANDOM -> Collections.shuffle(windows, new Random(seed));
    }
    return new Outcome(ExampleFiles.write(file, directory, windows, 0.8, 0.1), skipped);
  }

  private List<Rating> read(Path file, Map<String, Integer> skipped) throws IOException {
    CSVFormat format =
        CSVFormat.DEFAULT
            .builder()
            .setDelimiter(separator)
            .setHeader()
            .setAllowMissingColumnNames(true)
            .setSkipHeaderRecord(true)
            .setTrim(true)
            .get();
    List<Rating> ratings = new ArrayList<>();
    try (Reader reader = withoutMark(Files.newBufferedReader(file, charset));
        CSVParser parser = CSVParser.parse(reader, format)) {
      for (String column :
          List.of(columns.user(), columns.title(), columns.rating(), columns.time())) {
        int times = Collections.frequency(parser.getHeaderNames(), column);
        if (times != 1) {
          throw new IOException(
              "%s has %s column %s; it has %s. --user, --title, --rating and --time name others"
                  .formatted(
                      file, times == 0 ? "no" : "more than one", column, parser.getHeaderNames()));
        }
      }
      Optional<Time.Form> form = Optional.empty();
      for (CSVRecord row : parser) {
        String problem = problem(row);
        if (problem.isEmpty()) {
          String time = row.get(columns.time());
          Optional<Time.Form> own = Time.form(time);
          if (own.isEmpty() || (form.isPresent() && !own.equals(form))) {
            throw unordered(file, parser.getCurrentLineNumber(), time, form);
          }
          form = own;
          ratings.add(
              new Rating(
                  row.get(columns.user()),
                  row.get(columns.title()),
                  Double.parseDouble(row.get(columns.rating())) > likedAbove,
                  Time.of(time)));
        } else {
          skipped.merge(problem, 1, Integer::sum);
        }
      }
    } catch (UncheckedIOException | CSVException | CharacterCodingException e) {
      throw broken(file, e);
    }
    return ratings;
  }

  /** Past the mark that Windows programs put before UTF-8. */
  private static Reader withoutMark(BufferedReader reader) throws IOException {
    reader.mark(1);
    if (reader.read() != BYTE_ORDER_MARK) {
      reader.reset();
    }
    return reader;
  }

  private IOException broken(Path file, Exception e) {
    Throwable cause = e instanceof UncheckedIOException ? e.getCause() : e;
    return new IOException(
        cause instanceof CharacterCodingException
            ? "%s is not %s; choose another charset".formatted(file, charset)
            : file + ": " + e.getMessage(),
        e);
  }

  /** What is wrong with a time that cannot be compared with those before it, if there are any. */
  private IOException unordered(Path file, long line, String time, Optional<Time.Form> before) {
    return new IOException(
        "%s, line %d: time \"%s\" in column %s is %s: write all of them as %s, or name another column with --time"
            .formatted(
                file,
                line,
                time,
                columns.time(),
                before
                    .map(form -> "not " + form + ", as those before it")
                    .orElse("of no known form"),
                Time.FORMS));
  }

  /** Why a row cannot be used; empty if it can. */
  private String problem(CSVRecord row) {
    if (!row.isConsistent()) {
      return "wrong number of fields";
    }
    if (row.get(columns.user()).isEmpty()) {
      return "no user";
    }
    if (row.get(columns.title()).isEmpty()) {
      return "no title";
    }
    if (row.get(columns.title()).contains("\n")) {
      return "a title of several lines";
    }
    if (row.get(columns.time()).isEmpty()) {
      return "no time";
    }
    return number(row.get(columns.rating())).isPresent() ? "" : "a rating that is no number";
  }

  /** The finite number that a text is; empty if it is none. */
  static OptionalDouble number(String text) {
    try {
      double number = Double.parseDouble(text);
      return Double.isFinite(number) ? OptionalDouble.of(number) : OptionalDouble.empty();
    } catch (NumberFormatException e) {
      return OptionalDouble.empty();
    }
  }
}
