package dev.tallrec.rec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.tallrec.text.Instruction;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

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
    assertThat(Domain.target(movies.test().getFirst().text()))
        .contains("\"Perez Family, The (1995)\"");
    Map<String, Double> aucs = new LinkedHashMap<>();
    Heuristics.all(movies.test(), movies.train())
        .forEach((name, scores) -> aucs.put(name, Evaluation.of(movies.test(), scores).auc()));
    assertThat(aucs)
        .containsOnlyKeys(
            "share of liked items in history", "target's like-rate in train rows", "sum of both")
        .hasEntrySatisfying(
            "target's like-rate in train rows", auc -> assertThat(auc).isBetween(0.66, 0.69))
        .hasEntrySatisfying("sum of both", auc -> assertThat(auc).isGreaterThan(0.74));
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
}
