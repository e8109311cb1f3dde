package dev.tallrec.experiment;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tallrec.endpoint.Api;
import dev.tallrec.endpoint.StubServer;
import dev.tallrec.train.TrainingStoppedException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StudyRunTest {

  @TempDir private Path directory;
  private FewMovies movies;

  @BeforeEach
  void writeData() throws IOException {
    movies = new FewMovies(directory);
  }

  @AfterEach
  void close() {
    movies.close();
  }

  private StudyRun study(Optional<EndpointAccess> server, Grid... grids) {
    return new StudyRun(
        movies.runners(grids[0], server), List.of(grids), "mini", movies.runs(), movies);
  }

  private Path file(String name) {
    return movies.runs().resolve(name);
  }

  private String content(String name) {
    try {
      return Files.readString(file(name));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void tablesAreWrittenAfterEachGridAndThePageAtTheEnd()
      throws IOException, TrainingStoppedException {
    Grid first = movies.grid("First", "untuned: {model: untuned}");
    Grid second = movies.grid("Second", "solved: {model: untuned, demonstrations: 1}");
    List<String> between = new ArrayList<>();
    movies.onMessage(message -> {
      if (message.startsWith("== 1 of 2: solved")) {
        assertThat(file("report.html")).doesNotExist();
        between.add(content("report.md"));
      }
    });

    study(Optional.empty(), first, second).run();

    assertThat(between)
        .singleElement()
        .asString()
        .contains("First: 2 of 2 runs", "Second: 0 of 2 runs", "| untuned | **")
        .doesNotContain("| solved |");
    assertThat(content("report.html")).contains("Second: 2 of 2 runs", ">solved<");
    assertThat(file("charts/charts.sha256")).isNotEmptyFile();
  }

  @Test
  void whatIsDoneIsReportedWhenAGridFailsAndWhatAnEarlierProcessDidToo()
      throws IOException, TrainingStoppedException {
    Grid failing = movies.grid("Failing", "untuned: {model: untuned}\nasked: {model: endpoint}");
    Grid earlier = movies.grid("Earlier", "solved: {model: untuned, demonstrations: 1}");
    study(Optional.empty(), earlier).run();
    Files.delete(file("report.html"));
    try (StubServer server = new StubServer(StubServer.status(401, "{}"))) {
      StudyRun study =
          study(Optional.of(movies.access(server.url(), Api.COMPLETIONS)), failing, earlier);
      assertThatThrownBy(study::run)
          .isInstanceOf(IOException.class)
          .hasMessageContaining("401")
          .hasNoSuppressedExceptions();
    }
    assertThat(content("report.html"))
        .contains("Failing: 2 of 4 runs", "Earlier: 2 of 2 runs", ">untuned<", ">solved<");
  }

  @Test
  void aMistakeInALaterGridIsFoundBeforeTheFirstRuns() throws IOException {
    Grid first = movies.grid("First", "untuned: {model: untuned}");
    Grid second =
        movies.grid("Second", "TALLRec: {instruction.epochs: 1, instruction.validation: 2000}");
    assertThatThrownBy(() -> study(Optional.empty(), first, second).run())
        .hasMessageContaining("variant TALLRec")
        .hasMessageContaining("2000 of 1000 examples in alpaca")
        .hasMessageContaining("--instructions");
    assertThat(movies.begun()).isEmpty();
  }

  @Test
  void anotherRunInTheDirectoryOfALaterGridIsFoundBeforeTheFirstRuns()
      throws IOException, TrainingStoppedException {
    study(Optional.empty(), movies.grid("Earlier", "solved: {model: untuned}")).run();
    movies.begun().clear();
    Grid first = movies.grid("First", "untuned: {model: untuned}");
    Grid second = movies.grid("Second", "solved: {model: untuned, demonstrations: 1}");
    assertThatThrownBy(() -> study(Optional.empty(), first, second).run())
        .hasMessageContaining("other settings (demonstrations)");
    assertThat(movies.begun()).isEmpty();
  }

  @Test
  void noTwoRunInOneDirectoryAtATime() throws IOException, TrainingStoppedException {
    Grid grid = movies.grid("First", "untuned: {model: untuned}");
    List<String> refused = new ArrayList<>();
    movies.onMessage(message -> {
      if (message.startsWith("== 1 of 2")) {
        assertThatThrownBy(() -> study(Optional.empty(), grid).run())
            .isInstanceOf(IOException.class)
            .satisfies(e -> refused.add(e.getMessage()));
      }
    });
    study(Optional.empty(), grid).run();
    assertThat(refused).singleElement().asString().startsWith(movies.runs() + " is in use");
  }

  @Test
  void aFailureBeforeAnythingIsDoneLeavesNoReport() throws IOException {
    Grid grid = movies.grid("untuned: {model: untuned, demonstrations: many}");
    assertThatThrownBy(() -> study(Optional.empty(), grid).run()).hasMessageContaining("many");
    assertThat(file("report.md")).doesNotExist();
    assertThat(file("report.html")).doesNotExist();
  }
}
