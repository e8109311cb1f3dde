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
import java.util.OptionalInt;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
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
