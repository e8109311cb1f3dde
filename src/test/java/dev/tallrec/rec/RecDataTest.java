package dev.tallrec.rec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.tallrec.text.Instruction;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class RecDataTest {

  @Test
  void publishedMovieExamplesAreComplete() throws IOException {
    RecData movies = RecData.published(Domain.MOVIE);
    assertThat(movies.train()).hasSize(8000);
    assertThat(movies.valid()).hasSize(1000);
    assertThat(movies.test()).hasSize(1000);
    assertThat(movies.train().stream().filter(RecExample::liked)).hasSize(4457);
    assertThat(movies.test().stream().map(RecExample::user).distinct()).hasSize(16);
  }

  @Test
  void likedShareReachesTheFiguresItIsKnownFor() throws IOException {
    RecData movies = RecData.published(Domain.MOVIE);
    RecData books = RecData.published(Domain.BOOK);
    assertThat(share(movies.test())).isCloseTo(0.7260, within(5e-5));
    assertThat(share(movies.valid())).isCloseTo(0.6890, within(5e-5));
    assertThat(share(books.test())).isCloseTo(0.6962, within(5e-5));
  }

  @Test
  void heuristicsReadTargetsAndHistories() throws IOException {
    RecData movies = RecData.published(Domain.MOVIE);
    Question first = Question.parse(movies.test().getFirst().text()).orElseThrow();
    assertThat(first.target()).isEqualTo("Perez Family, The (1995)");
    assertThat(first.history()).hasSize(10);
    Map<String, Double> aucs = new LinkedHashMap<>();
    List<Heuristics.Rule> rules = new ArrayList<>(Heuristics.ofHistories(movies.test()));
    rules.addAll(Heuristics.ofTargets(movies.test(), movies.train()));
    for (Heuristics.Rule rule : rules) {
      aucs.put(rule.name(), Evaluation.of(movies.test(), rule.scores()).auc());
    }
    assertThat(aucs)
        .containsOnlyKeys(
            "share of liked items in history",
            "last item of history liked",
            "target's like-rate",
            "share of liked items + like-rate")
        .hasEntrySatisfying(
            "last item of history liked", auc -> assertThat(auc).isCloseTo(0.6466, within(5e-5)))
        .hasEntrySatisfying("target's like-rate", auc -> assertThat(auc).isBetween(0.66, 0.69))
        .hasEntrySatisfying(
            "share of liked items + like-rate", auc -> assertThat(auc).isGreaterThan(0.74));
  }

  @Test
  void usersOfBooksHaveOneExampleEach() throws IOException {
    RecData books = RecData.published(Domain.BOOK);
    List<RecExample> all = new ArrayList<>(books.train());
    all.addAll(books.valid());
    all.addAll(books.test());
    assertThat(all).extracting(RecExample::user).doesNotHaveDuplicates();
    double[] shares = Heuristics.likedShares(books.test()).orElseThrow();
    assertThat(Evaluation.of(books.test(), shares).interval()).isNotNull();
    assertThat(WithinUser.of(books.test(), shares)).isEmpty();
  }

  @Test
  void historiesAreInTheOrderTheyHappened() throws IOException {
    RecData movies = RecData.published(Domain.MOVIE);
    RecExample first = movies.test().getFirst();
    RecExample second = movies.test().get(1);
    List<Question.Opinion> earlier =
        Question.parse(first.text()).orElseThrow().inOrder(first.order());
    Question later = Question.parse(second.text()).orElseThrow();
    // Windows of one user slide by one: what was the target is the last of the history.
    assertThat(later.inOrder(second.order()).subList(0, 9)).isEqualTo(earlier.subList(1, 10));
    assertThat(later.inOrder(second.order()).getLast())
        .isEqualTo(
            new Question.Opinion(
                Question.parse(first.text()).orElseThrow().target(), first.liked()));
  }

  @Test
  void aHistoryOfUnknownOrderHasItsLikesFirst() {
    Question question = new Question(List.of("A"), List.of("B", "C"), "D");
    assertThat(question.inOrder(""))
        .containsExactly(
            new Question.Opinion("A", true),
            new Question.Opinion("B", false),
            new Question.Opinion("C", false));
  }

  @ParameterizedTest
  @ValueSource(strings = {"110", "10", "000", "1001", "100x"})
  void ordersOfOtherHistoriesAreOfNoUse(String order, @TempDir Path directory) throws IOException {
    Question question = new Question(List.of("A"), List.of("B", "C"), "D");
    assertThatThrownBy(() -> question.inOrder(order))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("order " + order + " of 1 likes and 2 dislikes");
    String input =
        Domain.MOVIE.question(question.liked(), question.disliked(), question.target(), "").input();
    for (String split : List.of("train", "valid", "test")) {
      new JsonMapper()
          .writeValue(
              directory.resolve(split + ".json").toFile(),
              List.of(Map.of("instruction", "a", "input", input, "output", "No.")));
    }
    writeZipped(
        directory.resolve("order.json.gz"),
        "{\"train\": [\"%s\"], \"valid\": [\"010\"], \"test\": [\"001\"]}".formatted(order));
    RecData data = RecData.read(directory);
    assertThat(data.train()).extracting(RecExample::order).containsExactly("");
    assertThat(data.valid()).extracting(RecExample::order).containsExactly("010");
    assertThat(data.test()).extracting(RecExample::order).containsExactly("001");
  }

  /** As NOTICE beside the books says, in numpy's words. */
  @Test
  void bookHistoriesAreInADrawnOrder() throws IOException {
    RecData books = RecData.published(Domain.BOOK);
    int row = 0;
    for (List<RecExample> part : List.of(books.train(), books.valid(), books.test())) {
      for (RecExample book : part) {
        Question question = Question.parse(book.text()).orElseThrow();
        String likesFirst =
            "1".repeat(question.liked().size()) + "0".repeat(question.disliked().size());
        StringBuilder drawn = new StringBuilder();
        for (int at : KShot.indices(likesFirst.length(), likesFirst.length(), row)) {
          drawn.append(likesFirst.charAt(at));
        }
        assertThat(book.order()).as("row %d", row).isEqualTo(drawn.toString());
        row++;
      }
    }
    assertThat(row).isEqualTo(1427 + 1000 + 2427);
  }

  @Test
  void booksInHistoriesAndAsTargetsHaveOneName() throws IOException {
    RecData books = RecData.published(Domain.BOOK);
    for (RecExample book : books.test()) {
      Question question = Question.parse(book.text()).orElseThrow();
      assertThat(question.target()).doesNotStartWith("\"").doesNotEndWith("\"");
      assertThat(question.history()).noneMatch(item -> item.startsWith("\""));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"train.json.gz", "valid.json.gz", "order.json.gz"})
  void damagedGzipFilesAreNamed(String damaged, @TempDir Path directory) throws IOException {
    for (String file : List.of("train.json.gz", "valid.json.gz", "test.json.gz", "order.json.gz")) {
      try (InputStream bytes = RecData.class.getResourceAsStream("movie/" + file)) {
        Files.write(directory.resolve(file), bytes.readAllBytes());
      }
    }
    assertThat(RecData.read(directory).test()).hasSize(1000);
    Path file = directory.resolve(damaged);
    byte[] whole = Files.readAllBytes(file);
    Files.write(file, Arrays.copyOf(whole, whole.length / 2));
    assertThatThrownBy(() -> RecData.read(directory))
        .isInstanceOf(IOException.class)
        .hasMessageContaining(damaged)
        .hasMessageContaining("cut off");
    Files.writeString(file, "not zipped");
    assertThatThrownBy(() -> RecData.read(directory))
        .isInstanceOf(IOException.class)
        .hasMessageContaining(damaged)
        .hasMessageContaining("not a gzip file");
  }

  private static double share(List<RecExample> examples) {
    return Evaluation.ofLikedShare(examples).orElseThrow().auc();
  }

  @Test
  void questionsAreWordedAsPublished() throws IOException {
    RecExample published = RecData.published(Domain.MOVIE).test().getFirst();
    Instruction ours =
        Domain.MOVIE.question(
            List.of(
                "Paris, Texas (1984)",
                "Rebel Without a Cause (1955)",
                "Return of the Pink Panther, The (1974)",
                "Ace Ventura: Pet Detective (1994)",
                "Magnificent Seven, The (1954)",
                "Star Trek: The Wrath of Khan (1982)",
                "Cat People (1982)",
                "Orlando (1993)",
                "Dave (1993)"),
            List.of("Kalifornia (1993)"),
            "Perez Family, The (1995)",
            "No.");
    assertThat(ours).isEqualTo(published.text());
  }

  @Test
  void bookQuestionsAreWordedAsPublished() throws IOException {
    RecExample published = RecData.published(Domain.BOOK).test().get(3);
    String input = published.text().input();
    assertThat(input).contains("Nick McDonell");
    String liked = input.substring(input.indexOf('"') + 1, input.indexOf("\nUser Un"));
    Instruction ours =
        Domain.BOOK.question(
            List.of(liked),
            List.of(
                "Sara.\" written by Stephen King",
                "Ein neuer Tag.\" written by Barry Neil Kaufman"),
            input.substring(input.indexOf("target book \"\"") + 14, input.length() - 2),
            "No.");
    assertThat(ours).isEqualTo(published.text());
  }

  @Test
  void aDirectoryHasItsNameHoweverItIsReached() {
    String here = Path.of(System.getProperty("user.dir")).getFileName().toString();
    assertThat(RecData.name(Path.of("."))).isEqualTo(here);
    assertThat(RecData.name(Path.of("sets/.."))).isEqualTo(here);
    assertThat(RecData.name(Path.of("sets/own/"))).isEqualTo("own");
    assertThat(RecData.name(Path.of("/"))).isEqualTo("root");
    assertThatThrownBy(() -> RecData.named("/"))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("/train.json is missing");
  }

  @Test
  void namesWhatIsWrongWithADirectory(@TempDir Path directory) throws IOException {
    assertThatThrownBy(() -> RecData.read(directory)).hasMessageContaining("train.json");
    Files.writeString(directory.resolve("train.json"), "[]");
    assertThatThrownBy(() -> RecData.read(directory)).hasMessageContaining("no examples");
    Files.writeString(
        directory.resolve("train.json"),
        "[{\"instruction\": \"a\", \"input\": \"b\", \"output\": \"Maybe.\"}]");
    assertThatThrownBy(() -> RecData.read(directory))
        .hasMessageContaining("example 1")
        .hasMessageContaining("Maybe.");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "[1, 'u17'] | user \"u17\" of example 2 of train",
        "[null, 2] | user null of example 1 of train",
        "[1, 2.5] | user 2.5 of example 2 of train",
        "[1, 3000000000] | user 3000000000 of example 2",
        "[1] | lists 1 entries for the 2 examples of train",
        "{'a': 1, 'b': 2} | entries for the 2 examples"
      })
  void usersAreNumbers(String users, String why, @TempDir Path directory) throws IOException {
    for (String split : List.of("train", "valid", "test")) {
      Files.writeString(
          directory.resolve(split + ".json"),
          "[{\"instruction\": \"a\", \"output\": \"No.\"}, {\"instruction\": \"b\", \"output\": \"No.\"}]");
    }
    String all = "{'train': %s, 'valid': [1, 2], 'test': [1, 2]}".replace('\'', '"');
    Path file = directory.resolve("users.json.gz");
    writeZipped(file, all.formatted("[7, -1]"));
    assertThat(RecData.read(directory).train())
        .extracting(RecExample::user)
        .containsExactly(OptionalInt.of(7), OptionalInt.of(-1));
    writeZipped(file, all.formatted(users.replace('\'', '"')));
    assertThatThrownBy(() -> RecData.read(directory))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("users.json.gz")
        .hasMessageContaining(why);
  }

  private static void writeZipped(Path file, String text) throws IOException {
    try (OutputStream out = new GZIPOutputStream(Files.newOutputStream(file))) {
      out.write(text.getBytes(StandardCharsets.UTF_8));
    }
  }

  @Test
  void aSmallFileThatUnzipsToALargeOneIsRefused(@TempDir Path directory) throws IOException {
    writeZipped(directory.resolve("users.json.gz"), " ".repeat((1 << 25) + 1));
    assertThatThrownBy(() -> RecData.read(directory))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("users.json.gz is larger than 33554432 bytes, unzipped");
  }
}
