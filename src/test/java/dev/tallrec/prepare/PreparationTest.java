package dev.tallrec.prepare;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tallrec.rec.Domain;
import dev.tallrec.rec.Question;
import dev.tallrec.rec.RecData;
import dev.tallrec.rec.RecExample;
import dev.tallrec.text.Instruction;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.aggregator.ArgumentsAccessor;
import org.junit.jupiter.params.provider.CsvSource;

class PreparationTest {

  @TempDir private Path directory;

  /**
   * Runs where {@code -Dtallrec.raw.movielens=DIR} names MovieLens 100K, which may not be
   * redistributed.
   */
  @Test
  @EnabledIfSystemProperty(named = "tallrec.raw.movielens", matches = ".+")
  void movieFilesAreThePublishedOnesToTheByte() throws IOException {
    MovieLens.prepare(Path.of(System.getProperty("tallrec.raw.movielens")), directory);
    for (String part : new String[] {"train", "valid", "test"}) {
      try (InputStream packed = RecData.class.getResourceAsStream("movie/" + part + ".json.gz")) {
        assertThat(Files.readAllBytes(directory.resolve(part + ".json")))
            .isEqualTo(new GZIPInputStream(packed).readAllBytes());
      }
    }
    assertThat(RecData.read(directory).test()).isEqualTo(RecData.published(Domain.MOVIE).test());
  }

  /** The published movie examples as windows, written again. */
  @Test
  void examplesAreWrittenAsPublishedToTheByte() throws IOException {
    RecData published = RecData.published(Domain.MOVIE);
    List<Windows.Window> windows =
        Stream.of(published.train(), published.valid(), published.test())
            .flatMap(List::stream)
            .map(example ->
                new Windows.Window(
                    String.valueOf(example.user().orElseThrow()),
                    example.text(),
                    example.order(),
                    Time.NONE))
            .toList();
    assertThat(ExampleFiles.write(Path.of("u.data"), directory, windows, 0.8, 0.1))
        .isEqualTo(Map.of("train", 8000, "valid", 1000, "test", 1000));
    for (String part : new String[] {"train", "valid", "test"}) {
      try (InputStream packed = RecData.class.getResourceAsStream("movie/" + part + ".json.gz")) {
        assertThat(Files.readAllBytes(directory.resolve(part + ".json")))
            .isEqualTo(new GZIPInputStream(packed).readAllBytes());
      }
    }
    RecData written = RecData.read(directory);
    assertThat(written.train()).isEqualTo(published.train());
    assertThat(written.valid()).isEqualTo(published.valid());
    assertThat(written.test()).isEqualTo(published.test());
  }

  /** As Python's json.dumps escapes them. */
  @Test
  void charactersAreEscapedAsPythonDoes() throws IOException {
    String output = "\u0001 \t\r\b\f \\ \" ~\u007f \u00e9 \ud83d\ude00";
    List<Windows.Window> windows =
        Stream.of("a", "b", output)
            .map(text -> new Windows.Window("1", new Instruction("", "", text), "", Time.NONE))
            .toList();
    ExampleFiles.write(Path.of("table"), directory, windows, 0.34, 0.34);
    assertThat(directory.resolve("test.json"))
        .content()
        .contains(
            "\"output\": \"\\u0001 \\t\\r\\b\\f \\\\ \\\" ~\\u007f \\u00e9 \\ud83d\\ude00\"\n");
  }

  private Path smallMovieLens() throws IOException {
    StringBuilder items = new StringBuilder();
    StringBuilder data = new StringBuilder();
    for (int movie = 1; movie <= 30; movie++) {
      items.append(movie).append("|Movie \u00e9 ").append(movie).append("|x\n");
      data.append("7\t")
          .append(movie)
          .append('\t')
          .append(1 + movie % 5)
          .append('\t')
          .append(900 + movie)
          .append('\n');
    }
    Files.writeString(directory.resolve("u.item"), items, StandardCharsets.ISO_8859_1);
    Files.writeString(directory.resolve("u.data"), data);
    return directory;
  }

  @Test
  void movieLensWindowsAreOfTenMovies() throws IOException {
    Path out = directory.resolve("out");
    assertThat(MovieLens.prepare(smallMovieLens(), out))
        .containsEntry("train", 16)
        .containsEntry("test", 2);
    RecData data = RecData.read(out);
    RecExample first = data.train().getFirst();
    // Stars from the first movie on: 2, 3, 4, 5, 1, 2, 3, 4, 5, 1; the target has 2.
    assertThat(Question.parse(first.text()))
        .contains(new Question(movies(3, 4, 8, 9), movies(1, 2, 5, 6, 7, 10), "Movie \u00e9 11"));
    assertThat(first.order()).isEqualTo("0011000110");
    assertThat(first.user()).isEqualTo(OptionalInt.of(7));
    assertThat(data.train().stream().limit(5).map(RecExample::liked))
        .containsExactly(false, false, true, true, false);
  }

  private static List<String> movies(int... numbers) {
    return IntStream.of(numbers).mapToObj(number -> "Movie \u00e9 " + number).toList();
  }

  @Test
  void theLastTenThousandWindowsOfMovieLensAreKept() throws IOException {
    Path raw = smallMovieLens();
    StringBuilder data = new StringBuilder();
    for (int i = 0; i < 10_015; i++) {
      data.append("7\t%d\t3\t%d\n".formatted(1 + i % 30, i));
    }
    Files.writeString(raw.resolve("u.data"), data);
    Path out = directory.resolve("out");
    assertThat(MovieLens.prepare(raw, out))
        .isEqualTo(Map.of("train", 8000, "valid", 1000, "test", 1000));
    // Of 10,005 the first five are left out: the targets of ratings 11 to 15.
    assertThat(Question.parse(RecData.read(out).train().getFirst().text()).orElseThrow().target())
        .isEqualTo("Movie \u00e9 16");
  }

  @Test
  void brokenMovieLensFilesAreNamedByLine() throws IOException {
    Path raw = smallMovieLens();
    Files.writeString(raw.resolve("u.data"), "7\t1\t9\t900\n");
    assertThatThrownBy(() -> MovieLens.prepare(raw, directory.resolve("out")))
        .hasMessageContaining("u.data, line 1");
    Files.writeString(raw.resolve("u.data"), "7\t99\t3\t900\n");
    assertThatThrownBy(() -> MovieLens.prepare(raw, directory.resolve("out")))
        .hasMessageContaining("movie 99");
  }

  private static RatingsCsv csv(RatingsCsv.Split split) {
    return csv(split, 5, 3);
  }

  private static RatingsCsv csv(RatingsCsv.Split split, double likedAbove, int history) {
    return new RatingsCsv(
        new RatingsCsv.Columns("who", "what", "stars", "when"),
        ';',
        StandardCharsets.UTF_8,
        likedAbove,
        history,
        split,
        1);
  }

  @Test
  void settingsThatMakeNoSenseAreRefused() {
    assertThatThrownBy(() -> csv(RatingsCsv.Split.USERS, 5, 0)).hasMessageContaining("--history");
    assertThatThrownBy(() -> csv(RatingsCsv.Split.USERS, Double.NaN, 3))
        .hasMessageContaining("--liked-above");
  }

  @Test
  void tablesOfRatingsBecomeExamplesAndBadRowsAreCounted() throws IOException {
    StringBuilder table = new StringBuilder("who;what;stars;when\n");
    for (int i = 0; i < 40; i++) {
      table.append("u%d;\"A \"\"title\"\"; %d\";%d;%d\n".formatted(i % 2, i, i % 10, 1000 + i));
    }
    table.append("u1;;7;1\nu1;x;many;1\n;x;7;1\nu1;x;7\n");
    table.append("u1;\"two\nlines\";7;1\n");
    table.append("few;x;7;1\nfew;y;7;2\nfew;z;7;3\nfewer;x;7;1\n");
    Path file = directory.resolve("ratings.csv");
    Files.writeString(file, table);
    for (RatingsCsv.Split split : RatingsCsv.Split.values()) {
      RatingsCsv.Outcome outcome = csv(split).prepare(file, Domain.BOOK, directory.resolve("out"));
      assertThat(outcome.skipped())
          .containsEntry("no title", 1)
          .containsEntry("a title of several lines", 1)
          .containsEntry("a rating that is no number", 1)
          .containsEntry("no user", 1)
          .containsEntry("wrong number of fields", 1)
          .containsEntry("users with too few ratings", 2);
      RecData data = RecData.read(directory.resolve("out"));
      assertThat(data.train().size() + data.valid().size() + data.test().size()).isEqualTo(34);
      assertThat(data.train().getFirst().text().input()).contains("A \"title\"; ");
    }
  }

  @Test
  void onlyRatingsAboveTheThresholdAreLikes() throws IOException {
    StringBuilder table = new StringBuilder("who;what;stars;when\n");
    String[] stars = {"5", "5.01", "4.99", "10", "5", "5.5", "1", "2", "3", "9", "5", "6", "7"};
    for (int i = 0; i < stars.length; i++) {
      table.append("u;title %d;%s;%d\n".formatted(i, stars[i], i));
    }
    Path file = Files.writeString(directory.resolve("ratings.csv"), table);
    csv(RatingsCsv.Split.USERS).prepare(file, Domain.MOVIE, directory.resolve("out"));
    List<RecExample> train = RecData.read(directory.resolve("out")).train();
    assertThat(Question.parse(train.getFirst().text()))
        .contains(new Question(List.of("title 1"), List.of("title 0", "title 2"), "title 3"));
    assertThat(train).extracting(RecExample::order).startsWith("010", "101", "010", "101");
    assertThat(train)
        .extracting(RecExample::liked)
        .containsExactly(true, false, true, false, false, false, true, false);
  }

  @Test
  void aRandomSplitMixesExamplesAsTheSeedSays() throws IOException {
    Path file = table("who;what;stars;when\n", "7", "8");
    List<RecExample> inOrder = examples(csv(RatingsCsv.Split.USERS), file);
    List<RecExample> mixed = examples(csv(RatingsCsv.Split.RANDOM), file);
    assertThat(mixed).isNotEqualTo(inOrder).containsExactlyInAnyOrderElementsOf(inOrder);
    assertThat(examples(csv(RatingsCsv.Split.RANDOM), file)).isEqualTo(mixed);
    RatingsCsv first = csv(RatingsCsv.Split.RANDOM);
    RatingsCsv otherSeed =
        new RatingsCsv(
            first.columns(),
            first.separator(),
            first.charset(),
            first.likedAbove(),
            first.history(),
            first.split(),
            2);
    assertThat(examples(otherSeed, file))
        .isNotEqualTo(mixed)
        .containsExactlyInAnyOrderElementsOf(inOrder);
  }

  private List<RecExample> examples(RatingsCsv csv, Path file) throws IOException {
    csv.prepare(file, Domain.MOVIE, directory.resolve("out"));
    RecData data = RecData.read(directory.resolve("out"));
    return Stream.of(data.train(), data.valid(), data.test()).flatMap(List::stream).toList();
  }

  @Test
  void aSplitByTimeTestsOnTheLatestTargets() throws IOException {
    StringBuilder table = new StringBuilder("who;what;stars;when\n");
    for (int i = 0; i < 60; i++) {
      // The users take turns, so an order by users is not one by time.
      table.append("u%d;title %d;%d;%d\n".formatted(i % 3, i, i % 10, i));
    }
    Path file = directory.resolve("ratings.csv");
    Files.writeString(file, table);
    csv(RatingsCsv.Split.TIME).prepare(file, Domain.MOVIE, directory.resolve("out"));
    RecData data = RecData.read(directory.resolve("out"));
    List<String> targets =
        Stream.of(data.train(), data.valid(), data.test())
            .flatMap(List::stream)
            .map(example -> Question.parse(example.text()).orElseThrow().target())
            .toList();
    assertThat(targets).isEqualTo(IntStream.range(9, 60).mapToObj(i -> "title " + i).toList());
  }

  /** Writes a table of one user whose items are called by their time. */
  private Path timed(String... times) throws IOException {
    StringBuilder table = new StringBuilder("who;what;stars;when\n");
    for (int i = 0; i < times.length; i++) {
      table.append("u;at %s;%d;%s\n".formatted(times[i], i % 10, times[i]));
    }
    return Files.writeString(directory.resolve("ratings.csv"), table);
  }

  /** The order that a table's ratings are taken in: targets after a history of one. */
  private List<String> targets(Path file) throws IOException {
    csv(RatingsCsv.Split.USERS, 5, 1).prepare(file, Domain.MOVIE, directory.resolve("out"));
    RecData data = RecData.read(directory.resolve("out"));
    return Stream.of(data.train(), data.valid(), data.test())
        .flatMap(List::stream)
        .map(example -> Question.parse(example.text()).orElseThrow().target())
        .toList();
  }

  @ParameterizedTest
  @CsvSource({
    "1000, -5, 999.5, 1001, 007, 999.25, 8, 1000.0, 1002, 1003, 1004, 1005, 1006",
    "-5, 007, 8, 999.25, 999.5, 1000, 1000.0, 1001, 1002, 1003, 1004, 1005, 1006",
  })
  void numbersAreOrderedByWhatTheyAre(ArgumentsAccessor times) throws IOException {
    String[] written = times.toList().toArray(String[]::new);
    // The first is in no target, and 1000 and 1000.0 stay as they stand.
    assertThat(targets(timed(written)))
        .containsExactly(
            "at 007",
            "at 8",
            "at 999.25",
            "at 999.5",
            "at 1000",
            "at 1000.0",
            "at 1001",
            "at 1002",
            "at 1003",
            "at 1004",
            "at 1005",
            "at 1006");
  }

  @Test
  void datesOfOneFormAreOrdered() throws IOException {
    List<String> times =
        IntStream.range(0, 12)
            .mapToObj(i -> "20%02d-%02d-28T%02d:00:00Z".formatted(11 - i / 2, 12 - i, 23 - i))
            .toList();
    assertThat(targets(timed(times.toArray(String[]::new))))
        .isEqualTo(times.reversed().stream().skip(1).map(time -> "at " + time).toList());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "12/31/2001 | 1/2/2002 | 2: time \"12/31/2001\" in column when is of no known form",
        "2001-31-12 | 2001-30-12 | 2: time \"2001-31-12\" in column when is of no known form",
        "1e999999999 | 1 | 2: time \"1e999999999\" in column when is of no known form",
        "1 | 2001-12-31 | 3: time \"2001-12-31\" in column when is not a number",
        "2001-12-31 | 20011231 | 3: time \"20011231\" in column when is not of the form 9999-99-99",
        "2001-12-31 | 2001-12-31 12:00 | 3: time \"2001-12-31 12:00\" in column",
        "2001-12-31T12:00+01:00 | 2001-12-31T12:00Z | not of the form 9999-99-99T99:99+01:00",
        "2001-12-31T12:00:00.5 | 2001-12-31T12:00:00.25 | not of the form 9999-99-99T99:99:99.9",
        "2001-12-31T12:61 | 2001-12-31T12:00 | 2: time \"2001-12-31T12:61\"",
      })
  void timesThatCannotBeOrderedAreNamedByLine(String first, String second, String message)
      throws IOException {
    assertThatThrownBy(() -> targets(timed(first, second)))
        .isInstanceOf(IOException.class)
        .hasMessageContainingAll("ratings.csv, line ", message, "2001-12-31T23:59:59Z", "--time");
    assertThat(directory.resolve("out")).doesNotExist();
  }

  @Test
  void rowsWithoutATimeAreLeftOutAndCounted() throws IOException {
    Path file = table("who;what;stars;when\n", "u");
    Files.writeString(file, Files.readString(file) + "u;lost;7;\nu;lost too;7; \n");
    RatingsCsv.Outcome outcome =
        csv(RatingsCsv.Split.USERS).prepare(file, Domain.MOVIE, directory.resolve("out"));
    assertThat(outcome.skipped()).isEqualTo(Map.of("no time", 2));
  }

  @Test
  void whatIsCutShortLeavesNothingThatCouldBeRead() throws IOException {
    Path out = directory.resolve("out");
    csv(RatingsCsv.Split.USERS)
        .prepare(table("who;what;stars;when\n", "7", "8"), Domain.MOVIE, out);
    assertThat(RecData.read(out).train().getFirst().user()).hasValue(7);
    Files.createFile(out.resolve("test.json.gz"));
    // Ends the next one between its train examples and the rest.
    Files.delete(out.resolve("valid.json"));
    Files.createFile(Files.createDirectory(out.resolve("valid.json")).resolve("file"));
    Path others = table("who;what;stars;when\n", "1", "2");
    assertThatThrownBy(() -> csv(RatingsCsv.Split.USERS).prepare(others, Domain.MOVIE, out))
        .isInstanceOf(IOException.class);
    assertThat(out.resolve("users.json.gz")).doesNotExist();
    assertThat(out.resolve("order.json.gz")).doesNotExist();
    // The new train examples beside the test examples of before, as they may have been packed.
    Files.delete(out.resolve("valid.json").resolve("file"));
    Files.delete(out.resolve("valid.json"));
    Files.copy(out.resolve("train.json"), out.resolve("valid.json"));
    assertThatThrownBy(() -> RecData.read(out))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("test.json is missing");
  }

  @Test
  void tablesWithoutAColumnOrEnoughRatingsAreRefused() throws IOException {
    Path file = directory.resolve("ratings.csv");
    Files.writeString(file, "who;what;stars\n");
    assertThatThrownBy(() -> csv(RatingsCsv.Split.USERS).prepare(file, Domain.MOVIE, directory))
        .hasMessageContaining("no column when");
    Files.writeString(file, "who;what;stars;when\nu;x;7;1\n");
    assertThatThrownBy(() -> csv(RatingsCsv.Split.USERS).prepare(file, Domain.MOVIE, directory))
        .hasMessageContaining("no user has more than 3");
    Files.writeString(file, "who;what;stars;when\n" + "u;x;7;1\n".repeat(4));
    assertThatThrownBy(() -> csv(RatingsCsv.Split.USERS).prepare(file, Domain.MOVIE, directory))
        .hasMessageContaining("ratings.csv: 1 examples are too few");
  }

  private Path table(String header, String... users) throws IOException {
    StringBuilder table = new StringBuilder(header);
    for (String user : users) {
      for (int i = 0; i < 20; i++) {
        table.append("%s;title %d;%d;%d\n".formatted(user, i, i % 10, i));
      }
    }
    return Files.writeString(directory.resolve("ratings.csv"), table);
  }

  @Test
  void usersOfDifferentNamesStayDifferent() throws IOException {
    Path file = table("who;what;stars;when\n", "7", "007", "0", "00");
    csv(RatingsCsv.Split.USERS).prepare(file, Domain.MOVIE, directory.resolve("out"));
    RecData data = RecData.read(directory.resolve("out"));
    assertThat(
            Stream.of(data.train(), data.valid(), data.test())
                .flatMap(List::stream)
                .map(example -> example.user().orElseThrow())
                .distinct())
        .hasSize(4)
        .contains(7, 0);
  }

  @Test
  void aTableMayBeginWithAByteOrderMark() throws IOException {
    Path file = table("\ufeffwho;what;stars;when\n", "u");
    csv(RatingsCsv.Split.USERS).prepare(file, Domain.MOVIE, directory.resolve("out"));
    assertThat(RecData.read(directory.resolve("out")).train()).isNotEmpty();
  }

  @Test
  void aTableMayHaveColumnsWithoutNames() throws IOException {
    Path file = directory.resolve("ratings.csv");
    StringBuilder table = new StringBuilder(";who;what;stars;when\n");
    for (int i = 0; i < 20; i++) {
      table.append("%d;u;title %d;%d;%d\n".formatted(i, i, i % 10, i));
    }
    Files.writeString(file, table);
    csv(RatingsCsv.Split.USERS).prepare(file, Domain.MOVIE, directory.resolve("out"));
    assertThat(RecData.read(directory.resolve("out")).train()).isNotEmpty();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "who;what;stars;when;who\\n | more than one column who",
        "who;what;\"sta\"rs;when\\n | nvalid char",
        "who;what;stars;when\\nu;\"title | EOF",
        "who;what;stärs;when\\n | is not UTF-8",
        "who;what;stars;when\\nu;tïtle;7;1\\n | is not UTF-8"
      })
  void brokenTablesAreNamed(String table, String why) throws IOException {
    Path file = directory.resolve("ratings.csv");
    Files.writeString(file, table.replace("\\n", "\n"), StandardCharsets.ISO_8859_1);
    assertThatThrownBy(
            () -> csv(RatingsCsv.Split.USERS).prepare(file, Domain.MOVIE, directory.resolve("out")))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("ratings.csv")
        .hasMessageContaining(why);
  }
}
