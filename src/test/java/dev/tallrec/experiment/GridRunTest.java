package dev.tallrec.experiment;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.tallrec.backend.Device;
import dev.tallrec.backend.cpu.CpuDevice;
import dev.tallrec.endpoint.Api;
import dev.tallrec.endpoint.EndpointSettings;
import dev.tallrec.endpoint.StubServer;
import dev.tallrec.model.BaseModel;
import dev.tallrec.model.BundledBase;
import dev.tallrec.rec.Domain;
import dev.tallrec.rec.Evaluation;
import dev.tallrec.rec.RecData;
import dev.tallrec.rec.RecExample;
import dev.tallrec.report.Study;
import dev.tallrec.report.StudyFiles;
import dev.tallrec.train.TrainingStoppedException;
import dev.tallrec.tune.RunListener;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Grids over a data set of some published movie rows. */
class GridRunTest {

  private static final int TRAIN = 60;
  private static final int TEST = 30;

  private static Device device;
  private static BaseModel base;
  @TempDir private Path directory;
  private Path data;
  private final List<String> messages = new ArrayList<>();

  private final RunListener listener =
      new RunListener() {
        @Override
        public void message(String text) {
          messages.add(text);
        }

        @Override
        public void begin(String task, long total) {}

        @Override
        public void advance(long done, String detail) {}

        @Override
        public void end() {}
      };

  @BeforeAll
  static void open() throws IOException {
    device = new CpuDevice(2);
    base = BaseModel.named(device, BundledBase.NAME);
  }

  @AfterAll
  static void close() {
    base.close();
    device.close();
  }

  @BeforeEach
  void writeData() throws IOException {
    RecData movies = RecData.published(Domain.MOVIE);
    data = Files.createDirectories(directory.resolve("few-movies"));
    write("train", movies.train().subList(0, TRAIN));
    write("valid", movies.valid().subList(0, TEST));
    write("test", movies.test().subList(0, TEST));
  }

  private void write(String part, List<RecExample> examples) throws IOException {
    new JsonMapper()
        .writeValue(
            data.resolve(part + ".json").toFile(),
            examples.stream()
                .map(RecExample::text)
                .map(text ->
                    Map.of(
                        "instruction", text.instruction(),
                        "input", text.input(),
                        "output", text.output()))
                .toList());
  }

  private Grid grid(String variants) throws IOException {
    Path file = directory.resolve("grid.yaml");
    Files.writeString(
        file,
        """
        title: Few movies
        preset: mini
        variants:
        %s
        data: [%s]
        test: []
        k: [16]
        seeds: [0, 1]
        by_k:
          16: {instruction.epochs: 0, rec.epochs: 1, rec.batch_size: 8}
        """
            .formatted(variants.indent(2), data));
    return Grid.read(file.toString(), Grid.Scale.SMALL);
  }

  private Outcomes run(Grid grid, Optional<EndpointAccess> server)
      throws IOException, TrainingStoppedException {
    return new GridRun(runners(grid, server), grid, directory.resolve("runs"), listener).run();
  }

  private Runners runners(Grid grid, Optional<EndpointAccess> server) {
    return new Runners(
        base,
        grid.preset(),
        directory.resolve("runs"),
        Optional.empty(),
        server,
        listener,
        () -> false);
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
    messages.clear();
    assertThat(run(grid, Optional.empty()).byCell()).isEqualTo(first.byCell());
    assertThat(Files.getLastModifiedTime(done)).isEqualTo(FileTime.fromMillis(1000));
    assertThat(messages).noneMatch(message -> message.startsWith("=="));

    Study study =
        new StudyBuilder(runners(grid, Optional.empty())).build("Few", "mini", List.of(first));
    assertThat(study.tables()).hasSize(2);
    assertThat(study.tables().getFirst().rows())
        .extracting(Study.Row::name)
        .contains("TALLRec", "SASRec", "GRU-BERT", "share of liked items in history");
    assertThat(study.facts()).anyMatch(fact -> fact.contains("--bert"));
    assertThat(study.mistakes()).isNotEmpty();
    StudyFiles.write(study, directory.resolve("report"));
    assertThat(directory.resolve("report/report.html")).isNotEmptyFile();
  }

  @Test
  void runsShareTheInstructionStageOfTheirOwnSettings()
      throws IOException, TrainingStoppedException {
    Path instructions = directory.resolve("instructions.json");
    new JsonMapper()
        .writeValue(
            instructions.toFile(),
            List.of(
                Map.of("instruction", "Add.", "input", "1 and 2", "output", "3"),
                Map.of("instruction", "Name a colour.", "input", "", "output", "Red")));
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

  private EndpointAccess access(URI url, Api api) {
    return new EndpointAccess(
        new EndpointSettings(url, "m", api, Duration.ofSeconds(10), 1, 1e6, 1000, 0),
        Optional.of("secret"),
        directory.resolve("answers"));
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
      Outcomes outcomes = run(grid, Optional.of(access(server.url(), Api.CHAT_TEXT)));
      // Two seeds have other demonstrations, so other questions.
      assertThat(server.requests()).hasSize(2 * TEST);
      assertThat(server.requests().getFirst().body().toString())
          .contains("### Response")
          .doesNotContain("secret");
      assertThat(outcomes.result(grid.cells().getFirst()).on(data.toString()).auc()).isEqualTo(0.5);
      Files.delete(directory.resolve("runs/asked-few-movies-k16-seed0/cell.json"));
      run(grid, Optional.of(access(server.url(), Api.CHAT_TEXT)));
      assertThat(server.requests()).hasSize(2 * TEST);
      assertThat(messages).anyMatch(message -> message.contains("30 more from the cache"));
    }
  }

  @Test
  void aServerThatRefusesEndsTheRunWithItsReason() throws IOException {
    Grid grid = grid("asked: {model: endpoint}");
    try (StubServer server = new StubServer(StubServer.status(401, "{}"))) {
      assertThatThrownBy(() -> run(grid, Optional.of(access(server.url(), Api.COMPLETIONS))))
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
        "GRU: {model: recommender, hiden: 3} | hiden",
        "GRU: {model: recommender, hidden: 0} | hidden must be 2 or more",
        "GRU: {model: recommender, features: tea} | tea",
        "llm: {model: untuned, demonstrations: many} | many",
        "llm: {model: endpoint, demonstrations: -1} | -1",
      })
  void mistakesInSettingsAreFoundBeforeAnythingIsRun(String variant, String named)
      throws IOException {
    Grid grid = grid("untuned: {model: untuned}\n" + variant);
    assertThatThrownBy(() -> run(grid, Optional.empty())).hasMessageContaining(named);
    assertThat(messages).isEmpty();
  }

  @Test
  void runsWithOtherSettingsAreNotTakenForTheSame() throws IOException, TrainingStoppedException {
    run(grid("untuned: {model: untuned}"), Optional.empty());
    Grid other = grid("untuned: {model: untuned, demonstrations: 1}");
    assertThatThrownBy(() -> run(other, Optional.empty()))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("other settings");
  }
}
