package dev.tallrec.prepare;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.tallrec.rec.Question;
import dev.tallrec.rec.RecData;
import dev.tallrec.rec.RecExample;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class BookCrossingTest {

  private static final String ORIGINAL_BOOKS =
      "\"ISBN\";\"Book-Title\";\"Book-Author\";\"Image-URL-S\"\n";
  private static final String ORIGINAL_RATINGS = "\"User-ID\";\"ISBN\";\"Book-Rating\"\n";
  private static final String BOOKS = "ISBN,Book-Title,Book-Author,Year-Of-Publication\n";
  private static final String RATINGS = "User-ID,ISBN,Book-Rating\n";
  private static final int USERS = 20;
  private static final int PER_USER = 13;

  @TempDir private Path directory;
  private Path raw;
  private Path out;

  @BeforeEach
  void directories() throws IOException {
    raw = Files.createDirectory(directory.resolve("raw"));
    out = directory.resolve("out");
  }

  private void write(String name, String text, Charset charset) throws IOException {
    Files.writeString(raw.resolve(name), text, charset);
  }

  /** Ratings of books 0 to 12 by users 100 to 119: even books are liked. */
  private static String ratings(String row) {
    StringBuilder text = new StringBuilder();
    for (int user = 0; user < USERS; user++) {
      for (int book = 0; book < PER_USER; book++) {
        text.append(row.formatted(100 + user, book, book % 2 == 0 ? 6 : 5));
      }
    }
    return text.toString();
  }

  private static String books(String row) {
    StringBuilder text = new StringBuilder();
    for (int book = 0; book < PER_USER; book++) {
      text.append(row.formatted(book, book, book));
    }
    return text.toString();
  }

  private void writeOriginal(String moreBooks, String moreRatings) throws IOException {
    write(
        "BX-Books.csv",
        ORIGINAL_BOOKS
            + books(
                "\"00%d\";\"B\u00fccher &amp; \\\"more\\\"; %d\";\"Author %d\";\"http://x\"\r\n")
            + moreBooks,
        StandardCharsets.ISO_8859_1);
    write(
        "BX-Book-Ratings.csv",
        ORIGINAL_RATINGS + ratings("\"%d\";\"00%d\";\"%d\"\r\n") + moreRatings,
        StandardCharsets.ISO_8859_1);
  }

  private void writeSubset(String moreBooks, String moreRatings) throws IOException {
    write(
        "BX-Books.csv",
        BOOKS + books("00%d,\"B\u00fccher, \"\"more\"\"; \u2013 %d\",Author %d,1999\n") + moreBooks,
        StandardCharsets.UTF_8);
    write(
        "BX-Ratings.csv", RATINGS + ratings("%d,00%d,%d\n") + moreRatings, StandardCharsets.UTF_8);
  }

  private RatingsCsv.Outcome prepare() throws IOException {
    return BookCrossing.prepare(raw, out, 42);
  }

  private List<RecExample> examples() throws IOException {
    RecData data = RecData.read(out);
    return Stream.of(data.train(), data.valid(), data.test()).flatMap(List::stream).toList();
  }

  private static int count(String text, String part) {
    return text.split(Pattern.quote(part), -1).length - 1;
  }

  /** One example of each user, of 10 different books and another one, with the right answers. */
  private void assertExamples(String wording) throws IOException {
    List<RecExample> examples = examples();
    assertThat(examples).hasSize(USERS);
    Set<Integer> users = new HashSet<>();
    for (RecExample example : examples) {
      assertThat(users.add(example.user().getAsInt())).isTrue();
      String[] lines = example.text().input().split("\n");
      assertThat(lines).hasSize(3);
      assertThat(count(lines[0], " written by ") + count(lines[1], " written by ")).isEqualTo(10);
      int targets = 0;
      for (int book = 0; book < PER_USER; book++) {
        String item = wording.formatted(book, book);
        boolean liked = book % 2 == 0;
        assertThat(lines[liked ? 1 : 0] + ",").doesNotContain(item + ",");
        if (lines[2].endsWith(" \"" + item + "\"?")) {
          targets++;
          assertThat(lines[0] + "," + lines[1] + ",").doesNotContain(item + ",");
          assertThat(example.text().output()).isEqualTo(liked ? "Yes." : "No.");
        }
      }
      assertThat(targets).isOne();
    }
  }

  @Test
  void originalFilesBecomeOneExampleOfEachUser() throws IOException {
    writeOriginal("", "");
    RatingsCsv.Outcome outcome = prepare();
    assertThat(outcome.written()).isEqualTo(Map.of("train", 16, "valid", 2, "test", 2));
    assertThat(outcome.skipped()).isEmpty();
    assertExamples("\"B\u00fccher &amp; \"more\"; %d\" written by Author %d");
  }

  @Test
  void subsetFilesBecomeOneExampleOfEachUser() throws IOException {
    writeSubset("", "");
    assertThat(prepare().skipped()).isEmpty();
    assertExamples("\"B\u00fccher, \"more\"; \u2013 %d\" written by Author %d");
  }

  @Test
  void aSubsetMayBeginWithAByteOrderMark() throws IOException {
    writeSubset("", "");
    Path ratings = raw.resolve("BX-Ratings.csv");
    Files.writeString(ratings, "\ufeff" + Files.readString(ratings));
    assertThat(prepare().skipped()).isEmpty();
  }

  @Test
  void theSeedDecides() throws IOException {
    writeSubset("", "");
    prepare();
    byte[] first = Files.readAllBytes(out.resolve("train.json"));
    prepare();
    assertThat(Files.readAllBytes(out.resolve("train.json"))).isEqualTo(first);
    BookCrossing.prepare(raw, out, 43);
    assertThat(Files.readAllBytes(out.resolve("train.json"))).isNotEqualTo(first);
  }

  @Test
  void usersAreMixedAsTheSeedSays() throws IOException {
    writeSubset("", "");
    prepare();
    List<Integer> users = users();
    BookCrossing.prepare(raw, out, 43);
    List<Integer> others = users();
    List<Integer> inOrder = IntStream.range(100, 100 + USERS).boxed().toList();
    assertThat(users).isNotEqualTo(inOrder).containsExactlyInAnyOrderElementsOf(inOrder);
    assertThat(others).isNotEqualTo(users).containsExactlyInAnyOrderElementsOf(inOrder);
  }

  private List<Integer> users() throws IOException {
    return examples().stream().map(example -> example.user().orElseThrow()).toList();
  }

  /** A rating of 0 says that a user had the book: most are such. */
  @Test
  void ratingsFromZeroToTenCount() throws IOException {
    writeSubset(
        "a,Had,X,1\nb,Had,Y,1\nc,Loved,X,1\nd,Loved,Y,1\n",
        raters("%d,%s,0\n", "a", "b") + raters("%d,%s,10\n", "c", "d"));
    assertThat(prepare().skipped()).isEmpty();
    List<RecExample> raters =
        examples().stream().filter(example -> example.user().getAsInt() >= 500).toList();
    assertThat(raters).hasSize(USERS);
    for (RecExample example : raters) {
      Question question = Question.parse(example.text()).orElseThrow();
      List<String> liked = new ArrayList<>(question.liked());
      List<String> disliked = new ArrayList<>(question.disliked());
      (example.liked() ? liked : disliked).add(question.target());
      assertThat(liked).hasSize(2).allMatch(item -> item.startsWith("Loved"));
      assertThat(disliked).hasSize(2).allMatch(item -> item.startsWith("Had"));
    }
  }

  /** Twenty users more who rated just these books. */
  private static String raters(String row, String... isbns) {
    StringBuilder text = new StringBuilder();
    for (int user = 0; user < USERS; user++) {
      for (String isbn : isbns) {
        text.append(row.formatted(500 + user, isbn));
      }
    }
    return text.toString();
  }

  @Test
  void titlesOfTheOriginalMayHoldAnything() throws IOException {
    writeOriginal(
        """
        "a";"Two
        lines";"One
        Author";""
        "b";"Ends in a \\"quotation\\"";"X";""
        "c";"A back\\\\slash, a \\new one";"X";""
        "d";"No author";"";""
        """,
        raters("\"%d\";\"%s\";\"9\"\n", "a", "b", "c", "d"));
    assertThat(prepare().skipped()).isEmpty();
    List<String> inputs =
        examples().stream()
            .filter(example -> example.user().getAsInt() >= 500)
            .map(example -> example.text().input())
            .toList();
    assertThat(inputs)
        .hasSize(USERS)
        .allSatisfy(input ->
            assertThat(input)
                .contains(
                    "\"Two lines\" written by One Author",
                    "\"Ends in a \"quotation\"\" written by X",
                    "\"A back\\slash, a \\new one\" written by X",
                    "\"No author\""));
  }

  @Test
  void titlesOfASubsetMayHoldAnything() throws IOException {
    writeSubset(
        """
        a,"Two

        lines",One,1
        b,A 5" disk; a \\" more,X,1
        "c","Commas, commas",X,1
        d,No author,,1
        """,
        raters("%d,%s,9\n", "a", "b", "c", "d"));
    assertThat(prepare().skipped()).isEmpty();
    assertThat(examples())
        .filteredOn(example -> example.user().getAsInt() >= 500)
        .hasSize(USERS)
        .allSatisfy(example ->
            assertThat(example.text().input())
                .contains(
                    "\"Two lines\" written by One",
                    "\"A 5\" disk; a \\\" more\" written by X",
                    "\"Commas, commas\" written by X",
                    "\"No author\""));
  }

  @Test
  void whatCannotBeUsedIsCountedByReason() throws IOException {
    writeOriginal(
        """
        "a";"An author is missing"
        "b";"";"X";""
        "c";"Stray " mark";"X";""
        "";"X";"X";""
        "001";"Again";"X";""
        """,
        """
        "100";"b";"7"
        "100";"001";"9"
        "100";"none";"7"
        "100";"002";"many"
        "100";"002";"11"
        "100";"002";"NaN"
        "";"002";"7"
        "100";"002"

        "900";"001";"7"
        "900";"002";"7"
        "900";"003";"7"
        "901";"001";"7"
        """);
    assertThat(prepare().skipped())
        .isEqualTo(
            Map.of(
                "books: broken row", 2,
                "books: no ISBN", 1,
                "books: no title", 1,
                "books: an ISBN that came before", 1,
                "ratings: an ISBN that is not among the usable books", 2,
                "ratings: a book that the user rated before", 1,
                "ratings: no number from 0 to 10", 3,
                "ratings: no user", 1,
                "ratings: broken row", 1,
                "users with too few ratings", 2));
    assertThat(examples()).hasSize(USERS);
  }

  @ParameterizedTest
  @CsvSource({"true", "false"})
  void anOpenQuotationMarkCostsOnlyItsRow(boolean original) throws IOException {
    String more = original ? "\"z\";\"never closed;\"X\";\"\"\n" : "z,\"never closed,X,1\n";
    String moreRatings = original ? "\"100\";\"001;\"7\"\n" : "100,\"001,7\n";
    if (original) {
      writeOriginal(more, moreRatings);
    } else {
      writeSubset(more, moreRatings);
    }
    for (String name :
        new String[] {"BX-Books.csv", original ? "BX-Book-Ratings.csv" : "BX-Ratings.csv"}) {
      // The broken row to the front, where it has other rows to swallow.
      Charset charset = original ? StandardCharsets.ISO_8859_1 : StandardCharsets.UTF_8;
      List<String> lines = new ArrayList<>(Files.readAllLines(raw.resolve(name), charset));
      lines.add(1, lines.removeLast());
      Files.write(raw.resolve(name), lines, charset);
    }
    assertThat(prepare().skipped())
        .isEqualTo(Map.of("books: broken row", 1, "ratings: broken row", 1));
    assertThat(examples()).hasSize(USERS);
  }

  @Test
  void missingFilesAreNamed() throws IOException {
    assertThatThrownBy(this::prepare).hasMessageContainingAll("BX-Books.csv is missing", "unpack");
    writeSubset("", "");
    Files.delete(raw.resolve("BX-Ratings.csv"));
    assertThatThrownBy(this::prepare)
        .hasMessageContainingAll("BX-Book-Ratings.csv is missing", "BX-Ratings.csv too", "unpack");
  }

  @Test
  void emptyFilesAndMissingColumnsAreNamed() throws IOException {
    writeSubset("", "");
    write("BX-Ratings.csv", "", StandardCharsets.UTF_8);
    assertThatThrownBy(this::prepare)
        .hasMessageContainingAll("BX-Ratings.csv does not begin with a header", "get it again");
    write("BX-Ratings.csv", "User-ID,ISBN,Rating\n1,2,3\n", StandardCharsets.UTF_8);
    assertThatThrownBy(this::prepare)
        .hasMessageContainingAll("BX-Ratings.csv has no column Book-Rating", "Rating]");
    write("BX-Ratings.csv", RATINGS, StandardCharsets.UTF_8);
    assertThatThrownBy(this::prepare)
        .hasMessageContainingAll("BX-Ratings.csv: no user has 4 usable ratings");
    assertThat(out).doesNotExist();
  }

  @Test
  void aSubsetInAnotherEncodingIsRefused() throws IOException {
    writeSubset("", "");
    write("BX-Books.csv", BOOKS + "1,B\u00fccher,X,1\n", StandardCharsets.ISO_8859_1);
    assertThatThrownBy(this::prepare).hasMessageContainingAll("BX-Books.csv is not UTF-8");
  }

  /**
   * Runs where {@code -Dtallrec.raw.bookcrossing=DIR} names files of Book-Crossing, which may not
   * be redistributed.
   */
  @Test
  @EnabledIfSystemProperty(named = "tallrec.raw.bookcrossing", matches = ".+")
  void realFilesGiveOneExampleOfEachUser() throws IOException {
    RatingsCsv.Outcome outcome =
        BookCrossing.prepare(Path.of(System.getProperty("tallrec.raw.bookcrossing")), out, 42);
    int all = outcome.written().values().stream().mapToInt(Integer::intValue).sum();
    assertThat(all).isGreaterThan(1000);
    assertThat(outcome.written().get("train")).isEqualTo((int) (all * 0.8));
    assertThat(examples())
        .hasSize(all)
        .allSatisfy(example ->
            assertThat(example.text().input())
                .matches(
                    Pattern.compile(
                        "User Preference: .*\nUser Unpreference: .*\nWhether the user will like the target book \".+\"\\?")));
    try (InputStream packed = Files.newInputStream(out.resolve("users.json.gz"))) {
      JsonNode users = new JsonMapper().readTree(new GZIPInputStream(packed).readAllBytes());
      Set<Integer> different = new HashSet<>();
      users.forEach(part -> part.forEach(user -> different.add(user.asInt())));
      assertThat(different).hasSize(all);
    }
  }
}
