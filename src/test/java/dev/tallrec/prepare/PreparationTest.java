package dev.tallrec.prepare;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tallrec.rec.Domain;
import dev.tallrec.rec.Question;
import dev.tallrec.rec.RecData;
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
    assertThat(data.train().getFirst().text().input())
        .contains("\"Movie \u00e9 3\", \"Movie \u00e9 4\"")
        .endsWith("target movie \"Movie \u00e9 11\"?");
    assertThat(data.train().getFirst().user()).isEqualTo(OptionalInt.of(7));
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
    table.append("few;x;7;1\nfew;y;7;2\nfew;z;7;3\nfewer;x;7;1\n");
    Path file = directory.resolve("ratings.csv");
    Files.writeString(file, table);
    for (RatingsCsv.Split split : RatingsCsv.Split.values()) {
      RatingsCsv.Outcome outcome = csv(split).prepare(file, Domain.BOOK, directory.resolve("out"));
      assertThat(outcome.skipped())
          .containsEntry("no title", 1)
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
  void whatIsCutShortLeavesNoUsersOfOtherExamples() throws IOException {
    Path out = directory.resolve("out");
    csv(RatingsCsv.Split.USERS)
        .prepare(table("who;what;stars;when\n", "7", "8"), Domain.MOVIE, out);
    assertThat(RecData.read(out).train().getFirst().user()).hasValue(7);
    // Ends the next one between its train examples and the rest.
    Files.delete(out.resolve("valid.json"));
    Files.createFile(Files.createDirectory(out.resolve("valid.json")).resolve("file"));
    Path others = table("who;what;stars;when\n", "1", "2");
    assertThatThrownBy(() -> csv(RatingsCsv.Split.USERS).prepare(others, Domain.MOVIE, out))
        .isInstanceOf(IOException.class);
    assertThat(out.resolve("users.json.gz")).doesNotExist();
    assertThat(out.resolve("order.json.gz")).doesNotExist();
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
