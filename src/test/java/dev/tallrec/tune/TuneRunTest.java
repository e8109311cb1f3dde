package dev.tallrec.tune;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.tallrec.backend.cpu.CpuDevice;
import dev.tallrec.model.BaseModel;
import dev.tallrec.testing.Fixtures;
import dev.tallrec.train.TrainingStoppedException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TuneRunTest {

  private static final Path MODEL = Fixtures.path("models/stories260K");
  private static final JsonMapper JSON = new JsonMapper();

  @TempDir private Path directory;
  private CpuDevice device;
  private BaseModel base;
  private final Told told = new Told();

  /** Keeps what it is told. */
  private static final class Told implements RunListener {
    private final List<String> lines = new ArrayList<>();
    private long done;

    @Override
    public void message(String line) {
      lines.add(line);
    }

    @Override
    public void begin(String name, long total) {
      lines.add(name);
    }

    @Override
    public void advance(long done, String detail) {
      this.done = done;
    }

    @Override
    public void end() {}
  }

  @BeforeEach
  void openBase() throws IOException {
    device = new CpuDevice(2);
    base = BaseModel.open(device, MODEL);
  }

  @AfterEach
  void closeBase() {
    base.close();
    device.close();
  }

  /** Both stages in few steps, the second with patience. */
  private TuneSettings settings(String... more) throws IOException {
    Path data = Files.createDirectories(directory.resolve("data"));
    List<String> examples = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      examples.add(
          "{\"instruction\":\"Like it?\",\"input\":\"User Preference: \\\"A%d\\\"\\nUser Unpreference: \\nWhether the user will like the target movie \\\"B\\\"?\",\"output\":\"%s\"}"
              .formatted(i, i % 3 == 0 ? "Yes." : "No."));
    }
    for (String part : List.of("train", "valid", "test")) {
      Files.writeString(data.resolve(part + ".json"), "[" + String.join(",\n", examples) + "]");
    }
    List<String> instructions = new ArrayList<>();
    for (int i = 0; i < 6; i++) {
      instructions.add(
          "{\"instruction\":\"Say it.\",\"input\":\"\",\"output\":\"It %d.\"}".formatted(i));
    }
    Path file = directory.resolve("instructions.json");
    Files.writeString(file, "[" + String.join(",\n", instructions) + "]");
    Map<String, String> values = new HashMap<>();
    values.put("base", MODEL.toString());
    values.put("data", data.toString());
    values.put("instructions", file.toString());
    values.put("k", "8");
    values.put("instruction.validation", "2");
    values.put("instruction.epochs", "1");
    values.put("instruction.batch_size", "2");
    values.put("instruction.evaluate_every", "1");
    values.put("rec.epochs", "4");
    values.put("rec.batch_size", "4");
    values.put("rec.evaluate_every", "2");
    values.put("rec.patience", "1");
    values.put("rec.learning_rate", "0.02");
    for (int i = 0; i < more.length; i += 2) {
      values.put(more[i], more[i + 1]);
    }
    return SettingsReader.read("mini", Optional.empty(), values);
  }

  /** Runs until {@code asks} times asked whether to stop; returns how often it was asked. */
  private int run(TuneSettings settings, Path out, int asks)
      throws IOException, TrainingStoppedException {
    int[] asked = new int[1];
    new TuneRun(base, settings, new RunDirectory(out), told, () -> ++asked[0] == asks).run();
    return asked[0];
  }

  /** What a run has found, times aside. */
  private static JsonNode results(Path out) throws IOException {
    JsonNode results = JSON.readTree(out.resolve("results.json").toFile());
    for (JsonNode node : results.findParents("seconds")) {
      ((ObjectNode) node).remove("seconds");
    }
    return results;
  }

  @Test
  void aRunStoppedAnywhereGivesTheSameResultAsOneThatRanThrough() throws Exception {
    TuneSettings settings = settings();
    Path whole = directory.resolve("whole");
    int asked = run(settings, whole, -1);
    JsonNode right = results(whole);
    JsonNode rec = right.path("stages").path(2).path("training");
    assertThat(rec.path("stoppedEarly").asBoolean()).isTrue();
    for (int asks = 1; asks <= asked; asks++) {
      Path out = directory.resolve("stopped-" + asks);
      int last = asks;
      assertThatThrownBy(() -> run(settings, out, last))
          .isInstanceOf(TrainingStoppedException.class);
      run(settings, out, -1);
      assertThat(results(out)).as("stopped when asked %d times", asks).isEqualTo(right);
      for (String file :
          List.of("adapter/adapter_model.safetensors", "scores-rec-data.csv", "settings.yaml")) {
        assertThat(out.resolve(file)).hasSameBinaryContentAs(whole.resolve(file));
      }
    }
  }

  @ParameterizedTest
  @CsvSource({
    "memory.micro_batch_tokens, 100, rec stage: an example of, raise micro_batch_tokens",
    "rec.validation, 1, valid (--rec-validation), all 1 are liked"
  })
  void whatTheSecondStageCannotDoIsSaidBeforeTheFirst(
      String setting, String value, String named, String remedy) throws IOException {
    TuneSettings settings =
        settings("instruction.cutoff", "64", "evaluate_base", "false", setting, value);
    assertThatThrownBy(() -> run(settings, directory.resolve("out"), -1))
        .isInstanceOf(IOException.class)
        .hasMessageContainingAll(named, remedy);
    assertThat(told.lines).noneMatch(line -> line.contains("tuning") || line.contains("steps"));
  }

  @ParameterizedTest
  @CsvSource({
    "k, 5000, 'K = 5000, but data has 8 train examples'",
    "adapter, nowhere, nowhere",
    "rec.validation, 1, all 1 are liked",
    "instruction.validation, 6, 6 of 6 examples",
    "instruction.validation, 0, set it to 1 or more",
    "memory.micro_batch_tokens, 100, an example of"
  })
  void aRunThatIsRefusedLeavesItsDirectoryToOneWithOtherSettings(
      String setting, String value, String named) throws Exception {
    Path out = directory.resolve("out");
    TuneSettings refused = settings(setting, value);
    assertThatThrownBy(() -> run(refused, out, -1)).hasMessageContaining(named);
    assertThat(out).doesNotExist();
    TuneSettings corrected =
        settings("instruction.epochs", "0", "evaluate_base", "false", "rec.epochs", "1");
    run(corrected, out, -1);
    TuneSettings others = settings("seed", "3");
    assertThatThrownBy(() -> run(others, out, -1)).hasMessageContaining("other settings");
  }

  @Test
  void noTwoRunInOneDirectoryAtATime() throws Exception {
    TuneSettings settings = settings();
    Path out = directory.resolve("out");
    List<String> refused = new ArrayList<>();
    new TuneRun(
            base,
            settings,
            new RunDirectory(out),
            told,
            () -> {
              refused.add(refusal(settings, out));
              return false;
            })
        .run();
    assertThat(refused).isNotEmpty().allMatch(message -> message.startsWith(out + " is in use"));
    run(settings, out, -1);
  }

  private String refusal(TuneSettings settings, Path out) {
    try {
      run(settings, out, -1);
      return "not refused";
    } catch (IOException | TrainingStoppedException e) {
      return String.valueOf(e.getMessage());
    }
  }

  @ParameterizedTest
  @CsvSource({
    "data/test.json, A1, C1, content of data",
    "data/train.json, A1, C1, content of data",
    "instructions.json, It 1, It is, instructions"
  })
  void resultsOfOtherFilesOfTheSameNamesAreNotTaken(
      String file, String old, String now, String named) throws Exception {
    TuneSettings settings = settings();
    Path out = directory.resolve("out");
    run(settings, out, -1);
    Path changed = directory.resolve(file);
    Files.writeString(changed, Files.readString(changed).replace(old, now));
    assertThatThrownBy(() -> run(settings, out, -1))
        .isInstanceOf(IOException.class)
        .hasMessageStartingWith(
            out + " holds results of other files under the same names: " + named);
  }

  @Test
  void anAdapterMayBeMovedButIsNoOther() throws Exception {
    Path first = directory.resolve("first");
    run(settings(), first, -1);
    Path adapter = first.resolve("adapter");
    Path out = directory.resolve("second");
    run(settings("adapter", adapter.toString(), "rec.epochs", "1"), out, -1);
    JsonNode right = results(out);
    Path moved = Files.move(adapter, directory.resolve("moved"));
    TuneSettings same = settings("adapter", moved.toString(), "rec.epochs", "1");
    run(same, out, -1);
    assertThat(results(out)).isEqualTo(right);
    Path other = directory.resolve("other");
    run(settings("seed", "5"), other, -1);
    TuneSettings another =
        settings("adapter", other.resolve("adapter").toString(), "rec.epochs", "1");
    assertThatThrownBy(() -> run(another, out, -1))
        .hasMessageContainingAll("other files under the same names: adapter is");
    TuneSettings none = settings("rec.epochs", "1");
    assertThatThrownBy(() -> run(none, out, -1))
        .hasMessageContaining("other settings (settings.yaml): adapter is a directory there");
  }

  @Test
  void anInterruptedStageDoesNotGoOnWithOtherFiles() throws Exception {
    TuneSettings settings = settings();
    Path out = directory.resolve("out");
    assertThatThrownBy(() -> run(settings, out, 6)).isInstanceOf(TrainingStoppedException.class);
    Path test = directory.resolve("data").resolve("test.json");
    Files.writeString(test, Files.readString(test).replace("A1", "C1"));
    assertThatThrownBy(() -> run(settings, out, -1))
        .hasMessageContaining("other files under the same names: content of data");
  }

  @Test
  void aStopEndsTheScoringThatGoesOn() throws Exception {
    TuneSettings settings = settings("memory.score_batch_tokens", "1");
    TuneRun run =
        new TuneRun(
            base,
            settings,
            new RunDirectory(directory.resolve("out")),
            told,
            () -> told.lines.contains("scoring data test"));
    assertThatThrownBy(run::run).isInstanceOf(TrainingStoppedException.class);
    assertThat(told.lines.getLast()).isEqualTo("scoring data test");
    assertThat(told.done).isLessThan(8);
  }

  @Test
  void aStepMayHaveMoreExamplesThanThereAre() throws Exception {
    TuneSettings few = settings("rec.batch_size", "8", "rec.epochs", "1");
    TuneSettings many = settings("rec.batch_size", "1000000000", "rec.epochs", "1");
    run(few, directory.resolve("few"), -1);
    run(many, directory.resolve("many"), -1);
    assertThat(results(directory.resolve("many"))).isEqualTo(results(directory.resolve("few")));
  }

  @Test
  void dataOfOneLabelAreRefusedBeforeAnything() throws IOException {
    TuneSettings settings = settings();
    Path test = directory.resolve("data").resolve("test.json");
    Files.writeString(test, Files.readString(test).replace("Yes.", "No."));
    assertThatThrownBy(() -> run(settings, directory.resolve("out"), -1))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("data test: AUC needs liked and disliked examples");
    assertThat(told.lines).isEmpty();
  }
}
