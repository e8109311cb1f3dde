package dev.tallrec.experiment;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.tallrec.endpoint.Api;
import dev.tallrec.endpoint.StubServer;
import dev.tallrec.llama.Projection;
import dev.tallrec.lora.LoraAdapter;
import dev.tallrec.lora.LoraConfig;
import dev.tallrec.lora.PeftDirectory;
import dev.tallrec.lora.TargetModules;
import dev.tallrec.model.BundledBase;
import dev.tallrec.rec.Evaluation;
import dev.tallrec.rec.KShot;
import dev.tallrec.rec.RecData;
import dev.tallrec.rec.RecExample;
import dev.tallrec.report.Study;
import dev.tallrec.report.StudyFiles;
import dev.tallrec.testing.Fixtures;
import dev.tallrec.text.PromptTemplate;
import dev.tallrec.train.TrainingStoppedException;
import dev.tallrec.tune.RunDirectory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Grids over a data set of some published movie rows. */
class GridRunTest {

  @TempDir private Path directory;
  private FewMovies movies;
  private Path data;

  @BeforeEach
  void writeData() throws IOException {
    movies = new FewMovies(directory);
    data = movies.data();
  }

  @AfterEach
  void close() {
    movies.close();
  }

  private Grid grid(String variants) throws IOException {
    return movies.grid(variants);
  }

  private Outcomes run(Grid grid, Optional<EndpointAccess> server)
      throws IOException, TrainingStoppedException {
    return new GridRun(movies.runners(grid, server), grid, movies.runs(), movies).run();
  }

  @Test
  void everyKindOfModelIsRunOnceAndReported() throws IOException, TrainingStoppedException {
    Grid grid =
        grid(
            """
            TALLRec: {}
            SASRec: {model: recommender, architecture: sasrec, epochs: 10}
            GRU-LLaMA: {model: recommender, features: llama, epochs: 10}
            GRU-BERT: {model: recommender, features: bert}
            untuned: {model: untuned, demonstrations: 1}
            asked: {model: endpoint}
            """);
    Outcomes first = run(grid, Optional.empty());
    assertThat(first.missing()).containsOnlyKeys("GRU-BERT", "asked");
    assertThat(first.byCell()).hasSize(8);
    for (Grid.Cell cell : first.byCell().keySet()) {
      double[] scores = first.scores(cell, data.toString());
      Evaluation evaluation = Evaluation.of(RecData.read(data).test(), scores);
      assertThat(evaluation.auc())
          .isCloseTo(first.result(cell).on(data.toString()).auc(), within(1e-9));
    }
    Path done = directory.resolve("runs/SASRec-few-movies-k16-seed0/cell.json");
    Files.setLastModifiedTime(done, FileTime.fromMillis(1000));
    movies.messages().clear();
    assertThat(run(grid, Optional.empty()).byCell()).isEqualTo(first.byCell());
    assertThat(Files.getLastModifiedTime(done)).isEqualTo(FileTime.fromMillis(1000));
    assertThat(movies.messages()).noneMatch(message -> message.startsWith("=="));

    Study study =
        new StudyBuilder(movies.runners(grid, Optional.empty()))
            .build("Few", "mini", List.of(first));
    assertThat(study.tables()).hasSize(2);
    assertThat(study.tables().getFirst().rows())
        .extracting(Study.Row::name)
        .contains("TALLRec", "SASRec", "GRU-BERT", "share of liked items in history");
    assertThat(study.facts()).anyMatch(fact -> fact.contains("--bert"));
    Grid.Cell tuned = grid.cells().getFirst();
    List<RecExample> test = RecData.read(data).test();
    List<Double> liked = new ArrayList<>();
    List<Double> disliked = new ArrayList<>();
    for (int i = 0; i < test.size(); i++) {
      (test.get(i).liked() ? liked : disliked).add(first.scores(tuned, data.toString())[i]);
    }
    assertThat(study.histograms())
        .singleElement()
        .satisfies(scores -> {
          assertThat(scores.title()).contains("TALLRec");
          assertThat(scores.names()).containsExactly("liked", "disliked");
          assertThat(scores.values()).containsExactly(liked, disliked);
        });
    assertThat(study.mistakes()).hasSize(6);
    StudyFiles.write(study, directory.resolve("report"));
    assertThat(directory.resolve("report/report.html")).isNotEmptyFile();
  }

  @Test
  void runsShareTheInstructionStageOfTheirOwnSettings()
      throws IOException, TrainingStoppedException {
    Path instructions = directory.resolve("instructions.json");
    writeInstructions(instructions);
    String stage =
        "instruction.epochs: 1, instruction.validation: 1, lora.r: 4, instructions: "
            + instructions;
    Grid both = grid("AT: {rec.epochs: 0, %s}\nTALLRec: {%s}".formatted(stage, stage));
    Grid grid =
        new Grid(
            both.title(),
            both.preset(),
            both.variants(),
            both.data(),
            both.test(),
            both.k(),
            List.of(0L),
            both.byK());
    Outcomes outcomes = run(grid, Optional.empty());
    try (Stream<Path> kept = Files.list(directory.resolve("runs"))) {
      assertThat(kept.map(Path::getFileName).map(Path::toString))
          .filteredOn(name -> name.startsWith("instruction-seed0"))
          .hasSize(1)
          .allMatch(name -> name.contains("lora.r=4"));
    }
    for (Grid.Cell cell : grid.cells()) {
      Path adapter = directory.resolve("runs").resolve(cell.name()).resolve("adapter");
      assertThat(Files.readString(adapter.resolve("adapter_config.json")))
          .containsPattern("\"r\" ?: 4");
      assertThat(outcomes.result(cell).curve()).isNotEmpty();
    }
    Path tuned = directory.resolve("runs").resolve(grid.cells().getLast().name());
    assertThat(tuned.resolve("scores-base-few-movies.csv")).doesNotExist();
  }

  @Test
  void aServerIsAskedOnceForEachRowAndKeptAnswersAreNotPaidAgain()
      throws IOException, TrainingStoppedException {
    Grid grid = grid("asked: {model: endpoint, demonstrations: 2}");
    String reply =
        """
        {"choices": [{"message": {"content": "Yes."}}], "usage": {"prompt_tokens": 10, "completion_tokens": 1}}
        """;
    try (StubServer server = new StubServer(StubServer.json(reply))) {
      Outcomes outcomes = run(grid, Optional.of(movies.access(server.url(), Api.CHAT_TEXT)));
      // Two seeds have other demonstrations, so other questions.
      assertThat(server.requests()).hasSize(2 * FewMovies.TEST);
      assertThat(server.requests().getFirst().body().toString())
          .contains("### Response")
          .doesNotContain("secret");
      assertThat(outcomes.result(grid.cells().getFirst()).on(data.toString()).auc()).isEqualTo(0.5);
      Files.delete(directory.resolve("runs/asked-few-movies-k16-seed0/cell.json"));
      run(grid, Optional.of(movies.access(server.url(), Api.CHAT_TEXT)));
      assertThat(server.requests()).hasSize(2 * FewMovies.TEST);
      assertThat(movies.messages())
          .anyMatch(message -> message.contains(": about 0 questions, 30 more from the cache"));
    }
  }

  /** Eight questions are under way at once: each answer must come to its row. */
  @Test
  void eachRowIsAskedAfterItsSolvedExamplesAndGetsTheAnswerToIt()
      throws IOException, TrainingStoppedException {
    Grid grid = grid("asked: {model: endpoint, demonstrations: 2}");
    Grid.Cell cell = grid.cells().getLast();
    RecData rows = RecData.read(data);
    StringBuilder solved = new StringBuilder();
    for (RecExample example : KShot.sample(rows.train(), 16, cell.seed()).subList(0, 2)) {
      solved.append(PromptTemplate.PAPER.prompt(example.text()));
      solved.append(example.liked() ? "Yes.\n\n" : "No.\n\n");
    }
    List<String> answers = List.of("Yes.", "No.", "Perhaps.");
    Map<String, String> byQuestion = new HashMap<>();
    double[] right = new double[FewMovies.TEST];
    for (int i = 0; i < right.length; i++) {
      byQuestion.put(
          solved + PromptTemplate.PAPER.prompt(rows.test().get(i).text()), answers.get(i % 3));
      right[i] = i % 3 == 0 ? 1 : i % 3 == 1 ? -1 : 0;
    }
    assertThat(byQuestion).hasSize(FewMovies.TEST);
    try (StubServer server =
        new StubServer(question -> {
          String asked = question.at("/messages/0/content").textValue();
          String answer = byQuestion.getOrDefault(asked, "Yes.");
          return StubServer.json(
              "{\"choices\": [{\"message\": {\"content\": \"%s\"}}]}".formatted(answer));
        })) {
      Outcomes outcomes = run(grid, Optional.of(movies.access(server.url(), Api.CHAT_TEXT)));
      assertThat(outcomes.scores(cell, data.toString())).containsExactly(right);
      assertThat(outcomes.result(cell).remarks())
          .contains("asked: 10 of 30 answers on %s are neither Yes nor No".formatted(data));
      assertThat(outcomes.result(grid.cells().getFirst()).remarks()).hasSize(1);
    }
  }

  @Test
  void resultsOfAnotherModelServerOrApiAreNotTakenForThoseAskedFor()
      throws IOException, TrainingStoppedException {
    Grid grid = grid("asked: {model: endpoint}\nuntuned: {model: untuned}");
    Grid own = grid("asked: {model: endpoint, endpoint_model: m}");
    String reply = "{\"choices\": [{\"message\": {\"content\": \"Yes.\"}}]}";
    Outcomes first;
    try (StubServer server = new StubServer(StubServer.json(reply));
        StubServer other = new StubServer(StubServer.json(reply))) {
      EndpointAccess access = movies.access(server.url(), Api.CHAT_TEXT);
      first = run(grid, Optional.of(access));
      assertThat(run(grid, Optional.of(access)).byCell()).isEqualTo(first.byCell());
      int asked = server.requests().size();
      for (EndpointAccess changed :
          List.of(
              new EndpointAccess(
                  access.settings("another", Api.CHAT_TEXT), access.key(), access.cache()),
              movies.access(server.url(), Api.CHAT),
              movies.access(other.url(), Api.CHAT_TEXT))) {
        assertThatThrownBy(() -> run(grid, Optional.of(changed)))
            .isInstanceOf(IOException.class)
            .hasMessageContainingAll(
                "asked-few-movies-k16-seed0", "other settings (from.", "--out");
      }
      assertThatThrownBy(() -> run(own, Optional.of(access)))
          .hasMessageContaining("other settings (endpoint_model)");
      assertThat(server.requests()).hasSize(asked);
      assertThat(other.requests()).isEmpty();
    }
    // Nothing is asked for without a server: what is there is shown, and says whose it is.
    Runners without = movies.runners(grid, Optional.empty());
    Outcomes present = new GridRun(without, grid, movies.runs(), movies).present();
    assertThat(present.byCell()).isEqualTo(first.byCell());
    assertThat(new StudyBuilder(without).build("Few", "mini", List.of(present)).facts())
        .anyMatch(
            fact -> fact.matches("asked: http://.*/chat/completions, model m, .*questions.*"));
    for (Grid.Cell cell : grid.cells()) {
      boolean isAsked = cell.model() == Grid.Model.ENDPOINT;
      assertThat(first.result(cell).configuration().containsKey("from.model")).isEqualTo(isAsked);
    }
  }

  @Test
  void resultsWithAnotherBertAreNotTakenForThoseAskedFor()
      throws IOException, TrainingStoppedException {
    Grid grid =
        grid(
            """
            GRU-BERT: {model: recommender, features: bert, epochs: 1}
            GRU: {model: recommender, epochs: 1}
            """);
    Path bert = directory.resolve("bert");
    Fixtures.copy(Fixtures.path("bert"), bert);
    Outcomes first = new GridRun(movies.runners(bert), grid, movies.runs(), movies).run();
    for (Grid.Cell cell : grid.cells()) {
      assertThat(first.result(cell).configuration().containsKey("from.bert"))
          .isEqualTo(cell.variant().equals("GRU-BERT"));
    }
    Path moved = Files.move(bert, directory.resolve("moved"));
    GridRun again = new GridRun(movies.runners(moved), grid, movies.runs(), movies);
    assertThat(again.run().byCell()).isEqualTo(first.byCell());
    assertThat(run(grid, Optional.empty()).byCell()).isEqualTo(first.byCell());
    Path vocabulary = moved.resolve("vocab.txt");
    Files.writeString(vocabulary, Files.readString(vocabulary) + "another\n");
    GridRun other = new GridRun(movies.runners(moved), grid, movies.runs(), movies);
    assertThatThrownBy(other::check)
        .isInstanceOf(IOException.class)
        .hasMessageContainingAll("GRU-BERT-few-movies-k16-seed0", "other settings (from.bert)");
    Files.delete(vocabulary);
    GridRun broken = new GridRun(movies.runners(moved), grid, movies.runs(), movies);
    assertThatThrownBy(broken::check)
        .hasMessageContainingAll("Few movies, variant GRU-BERT: ", "vocab.txt is missing");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "TALLRec: {}",
        "GRU: {model: recommender}",
        "untuned: {model: untuned}",
        "asked: {model: endpoint}",
      })
  void whatDataLackIsFoundBeforeAnythingIsRun(String variant) throws IOException {
    String named = "Few movies, variant %s: ".formatted(variant.replaceFirst(":.*", ""));
    Grid grid = grid(variant);
    Grid large = movies.grid(variant, List.of(16, 61), List.of(0L));
    assertThatThrownBy(() -> check(large))
        .isInstanceOf(IOException.class)
        .hasMessage(
            named
                + "K = 61, but few-movies has 60 train examples: lower k, or take them all with 0");
    Path test = data.resolve("test.json");
    String examples = Files.readString(test);
    Files.writeString(test, examples.replace("Yes.", "No."));
    assertThatThrownBy(() -> check(grid))
        .hasMessage(
            named + "few-movies test: AUC needs liked and disliked examples; all 30 are disliked");
    Files.delete(test);
    assertThatThrownBy(() -> check(grid)).hasMessageContainingAll(named, "test.json", "is missing");
    assertThat(movies.messages()).isEmpty();
  }

  /** A model is chosen by the AUC of validation examples, where it is chosen. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "TALLRec: {} | few-movies valid: AUC",
        "TALLRec: {rec.validation: 1} | few-movies valid (--rec-validation): AUC",
        "GRU: {model: recommender} | few-movies valid: AUC",
        "untuned: {model: untuned} |",
      })
  void validationExamplesOfOneLabelAreFoundWhereTheyAreUsed(String variant, @Nullable String named)
      throws IOException {
    Path valid = data.resolve("valid.json");
    if (!variant.contains("validation")) {
      Files.writeString(valid, Files.readString(valid).replace("Yes.", "No."));
    }
    Grid grid = grid(variant);
    if (named == null) {
      check(grid);
    } else {
      assertThatThrownBy(() -> check(grid)).hasMessageContaining(named);
    }
  }

  private void check(Grid grid) throws IOException {
    new GridRun(movies.runners(grid, Optional.empty()), grid, movies.runs(), movies).check();
  }

  @Test
  void aServerThatRefusesEndsTheRunWithItsReason() throws IOException {
    Grid grid = grid("asked: {model: endpoint}");
    try (StubServer server = new StubServer(StubServer.status(401, "{}"))) {
      assertThatThrownBy(() -> run(grid, Optional.of(movies.access(server.url(), Api.COMPLETIONS))))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("401")
          .hasMessageContaining("OPENAI_API_KEY")
          .hasMessageContaining("kept");
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "TALLRec: {rec.epoch: 1} | rec.epoch",
        "TALLRec: {base: other} | base is not for a variant to set",
        "TALLRec: {instruction.epochs: 1, instruction.validation: 2000} | 2000 of 1000 examples",
        "TALLRec: {instruction.epochs: 1, instructions: nowhere.json} | nowhere.json",
        "TALLRec: {adapter: nowhere} | nowhere",
        "GRU: {model: recommender, hiden: 3} | hiden",
        "GRU: {model: recommender, hidden: 0} | hidden must be 2 or more",
        "GRU: {model: recommender, features: tea} | tea",
        "llm: {model: untuned, demonstrations: many} | many",
        "llm: {model: endpoint, demonstrations: -1} | -1",
        "llm: {model: untuned, demonstration: 1} | demonstration is none of its settings",
        "llm: {model: endpoint, model_name: x} | demonstrations, endpoint_api, endpoint_model",
      })
  void mistakesInSettingsAreFoundBeforeAnythingIsRun(String variant, String named)
      throws IOException {
    Grid grid = grid("untuned: {model: untuned}\n" + variant);
    assertThatThrownBy(() -> run(grid, Optional.empty())).hasMessageContaining(named);
    assertThat(movies.messages()).isEmpty();
  }

  @Test
  void whatDependsOnNoSampleIsComputedOnceAlsoWhenARunGoesOn()
      throws IOException, TrainingStoppedException {
    Grid grid =
        grid(
            """
            untuned: {model: untuned}
            again: {model: untuned, demonstrations: 0}
            solved: {model: untuned, demonstrations: 1}
            """);
    movies.begun().clear();
    Outcomes first = run(grid, Optional.empty());
    // One pass for all of zero-shot, one for the demonstrations of each seed.
    assertThat(movies.begun()).hasSize(3);
    List<Grid.Cell> cells = grid.cells();
    CellResult computed = first.result(cells.getFirst());
    for (Grid.Cell copied : cells.subList(1, 4)) {
      assertThat(first.result(copied).test()).isEqualTo(computed.test());
      assertThat(first.result(copied).seconds()).isEqualTo(computed.seconds());
      assertThat(first.scores(copied, data.toString()))
          .isEqualTo(first.scores(cells.getFirst(), data.toString()));
    }
    Files.delete(directory.resolve("runs/untuned-few-movies-k16-seed0/cell.json"));
    movies.begun().clear();
    assertThat(run(grid, Optional.empty()).byCell()).isEqualTo(first.byCell());
    assertThat(movies.begun()).isEmpty();
  }

  private void writeInstructions(Path file) throws IOException {
    new JsonMapper()
        .writeValue(
            file.toFile(),
            List.of(
                Map.of("instruction", "Add.", "input", "1 and 2", "output", "3"),
                Map.of("instruction", "Name a colour.", "input", "", "output", "Red")));
  }

  @Test
  void whatIsNotRecTunedDependsOnTheSeedOfItsStageAndOnNoSample() throws IOException {
    Grid grid =
        movies.grid(
            """
            AT: {rec.epochs: 0, instruction.epochs: 1}
            neither: {rec.epochs: 0, instruction.epochs: 0}
            shorter: {rec.epochs: 0, instruction.epochs: 0, rec.cutoff: 100}
            TALLRec: {}
            """,
            List.of(1, 16),
            List.of(0L, 1L));
    CellRunner runner = movies.runners(grid, Optional.empty()).of(Grid.Model.TALLREC);
    Map<String, List<String>> byIdentity = new LinkedHashMap<>();
    for (Grid.Cell cell : grid.cells()) {
      byIdentity
          .computeIfAbsent(runner.identity(cell), key -> new ArrayList<>())
          .add("%s %d %d".formatted(cell.variant(), cell.k(), cell.seed()));
    }
    assertThat(byIdentity.values())
        .containsExactly(
            List.of("AT 1 0", "AT 16 0"),
            List.of("AT 1 1", "AT 16 1"),
            List.of("neither 1 0", "neither 1 1", "neither 16 0", "neither 16 1"),
            List.of("shorter 1 0", "shorter 1 1", "shorter 16 0", "shorter 16 1"),
            List.of("TALLRec 1 0"),
            List.of("TALLRec 1 1"),
            List.of("TALLRec 16 0"),
            List.of("TALLRec 16 1"));
  }

  @Test
  void anAdapterTakesThePlaceOfEverySeedsInstructionStage()
      throws IOException, TrainingStoppedException {
    Path tuned = directory.resolve("tuned");
    LoraConfig config =
        new LoraConfig(
            8, 16, 0, TargetModules.of(Set.of(Projection.Q_PROJ)), false, Optional.empty());
    try (LoraAdapter adapter = LoraAdapter.initial(movies.base().config(), config, 5)) {
      PeftDirectory.write(tuned, adapter, "mini");
    }
    String rec = "rec.epochs: 1, rec.batch_size: 8";
    Grid grid =
        movies
            .grid(
                "AT: {rec.epochs: 0}\nRT: {instruction.epochs: 0, %s}\nTALLRec: {%s}"
                    .formatted(rec, rec),
                List.of(16),
                List.of(0L, 1L))
            .tunedWith(Map.of("adapter", tuned.toString(), "instruction.epochs", "0"));
    run(grid, Optional.empty());
    assertThat(movies.begun()).doesNotContain("instruction steps");
    assertThat(movies.messages()).contains("  the same as AT-few-movies-k16-seed0");
    for (Grid.Cell cell : grid.cells()) {
      Path directory = movies.runs().resolve(cell.name());
      if (!cell.variant().equals("AT") || cell.seed() == 0) {
        assertThat(new RunDirectory(directory).settings().adapter())
            .as(cell.name())
            .isEqualTo(cell.variant().equals("RT") ? "-" : tuned.toString());
      }
    }
  }

  @Test
  void demonstrationsFillNoMoreThanTheModelTakes() throws IOException, TrainingStoppedException {
    Path base = BundledBase.unpack(directory.resolve("base"));
    Path config = base.resolve("config.json");
    Files.writeString(
        config, Files.readString(config).replace("embeddings\": 512", "embeddings\": 131072"));
    try (FewMovies others = new FewMovies(directory.resolve("others"), base.toString())) {
      assertThat(others.base().config().maxPositionEmbeddings()).isEqualTo(131072);
      Grid grid =
          others.grid(
              "untuned: {model: untuned, demonstrations: 60}",
              List.of(FewMovies.TRAIN),
              List.of(0L));
      Outcomes outcomes =
          new GridRun(others.runners(grid, Optional.empty()), grid, others.runs(), others).run();
      assertThat(outcomes.result(grid.cells().getFirst()).remarks())
          .singleElement()
          .asString()
          .containsPattern("[2-4][0-9] of 60 demonstrations fit");
    }
  }

  @Test
  void aReportNamesWhatEachRunWasMeasuredOn() throws IOException, TrainingStoppedException {
    Grid grid = grid("untuned: {model: untuned}");
    run(grid, Optional.empty());
    Path file = movies.runs().resolve("untuned-few-movies-k16-seed0/cell.json");
    Runners runners = movies.runners(grid, Optional.empty());
    String here = runners.machine();
    Files.writeString(file, Files.readString(file).replace(here, "an abacus"));
    Outcomes outcomes = new GridRun(runners, grid, movies.runs(), movies).present();
    Study study = new StudyBuilder(runners).build("Few", "mini", List.of(outcomes));
    assertThat(study.facts()).contains("Base model: mini, on an abacus; and on " + here + ".");
  }

  @Test
  void stopsBetweenRunsAndWithinAnUntunedOne() throws IOException {
    Grid grid = grid("solved: {model: untuned, demonstrations: 1}");
    assertThat(stopped(grid, () -> !movies.begun().isEmpty()).byCell()).isEmpty();
    assertThat(
            stopped(
                    grid,
                    () -> movies.messages().stream().anyMatch(line -> line.contains("test AUC")))
                .byCell())
        .hasSize(1);
  }

  /** What is done of a grid that is told to stop. */
  private Outcomes stopped(Grid grid, BooleanSupplier stop) throws IOException {
    Runners stopping = movies.runners(grid, Optional.empty(), stop);
    GridRun run = new GridRun(stopping, grid, movies.runs(), movies);
    assertThatThrownBy(run::run).isInstanceOf(TrainingStoppedException.class);
    return run.present();
  }

  @Test
  void gridsWithoutARunYetAreAFactAndNoTable() throws IOException {
    Grid grid = grid("untuned: {model: untuned}");
    Runners runners = movies.runners(grid, Optional.empty());
    Outcomes none = new GridRun(runners, grid, movies.runs(), movies).present();
    Study study = new StudyBuilder(runners).build("Few", "mini", List.of(none));
    assertThat(study.facts()).contains("Few movies: 0 of 2 runs are done, 2 seeds.");
    assertThat(study.tables()).isEmpty();
  }

  @Test
  void runsWithOtherSettingsAreNotTakenForTheSame() throws IOException, TrainingStoppedException {
    run(grid("untuned: {model: untuned}"), Optional.empty());
    Grid other = grid("untuned: {model: untuned, demonstrations: 1}");
    assertThatThrownBy(() -> run(other, Optional.empty()))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("other settings");
  }

  @Test
  void runsOnOtherExamplesOfTheSameNameAreNotTakenForTheSame()
      throws IOException, TrainingStoppedException {
    Grid grid = grid("untuned: {model: untuned}");
    run(grid, Optional.empty());
    Path test = movies.data().resolve("test.json");
    Files.writeString(test, Files.readString(test).replaceFirst("Yes\\.", "No."));
    assertThatThrownBy(() -> run(grid, Optional.empty()))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("other settings (content of " + movies.data());
  }
}
