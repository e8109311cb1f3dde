package dev.tallrec.cli;

import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.tallrec.backend.profile.DeviceSpeed;
import dev.tallrec.backend.profile.OperationTable;
import dev.tallrec.backend.profile.ProfiledDevice;
import dev.tallrec.files.AtomicFiles;
import dev.tallrec.lora.LoraAdapter;
import dev.tallrec.lora.LoraConfig;
import dev.tallrec.model.BaseModel;
import dev.tallrec.rec.Domain;
import dev.tallrec.rec.KShot;
import dev.tallrec.rec.RecData;
import dev.tallrec.text.ExampleEncoder;
import dev.tallrec.text.LabelledTokens;
import dev.tallrec.train.AdamWSettings;
import dev.tallrec.train.Schedule;
import dev.tallrec.train.Trainer;
import dev.tallrec.train.TrainingConfig;
import dev.tallrec.train.TrainingListener;
import dev.tallrec.train.TrainingStoppedException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Shows where a training step's time goes. */
@Command(
    name = "profile",
    mixinStandardHelpOptions = true,
    description =
        "Trains a few steps on movie examples and shows where the time of the last one goes: on the CPU operation by operation, on a"
            + " GPU kernel by kernel, as the GPU itself took their times. Rates are of products, attention's too, in operations, of all else in bytes of"
            + " the matrices read or written, each once; more than the best copy is reached where data stay in caches.")
final class ProfileCommand implements Callable<Integer> {

  private static final int WARM_UP_STEPS = 12;
  private static final int REPETITIONS = 20;

  @Mixin private DeviceOptions device = new DeviceOptions();

  @Mixin private BaseOption base = new BaseOption();

  @Option(
      names = "--examples",
      paramLabel = "N",
      converter = Count.class,
      description = "Examples of a step (default: ${DEFAULT-VALUE}).")
  private int examples = 16;

  @Option(
      names = "--micro-batch-tokens",
      paramLabel = "N",
      converter = Count.class,
      description = "Tokens of one forward and backward pass (default: ${DEFAULT-VALUE}).")
  private int tokens = 4096;

  @Option(names = "--train-on-inputs", description = "Learn all tokens, not the answer alone.")
  private boolean trainOnInputs;

  @Option(
      names = "--trace",
      paramLabel = "FILE",
      description = "Write the step for chrome://tracing or ui.perfetto.dev.")
  private @Nullable Path trace;

  @Override
  public Integer call() throws IOException, TrainingStoppedException {
    if (trace != null) {
      AtomicFiles.requireReplaceable(trace);
    }
    try (ProfiledDevice profiled = device.openProfiled();
        BaseModel model = BaseModel.named(profiled, base.name())) {
      System.out.println(profiled.description());
      OperationTable.Ceilings ceilings = ceilings(profiled);
      List<LabelledTokens> batch = batch(model);
      List<ProfiledDevice.Event> events = lastStep(profiled, model, batch);
      print(events, batch.stream().mapToLong(example -> example.ids().length).sum(), ceilings);
      profiled.remarks().forEach(System.out::println);
      if (trace != null) {
        write(trace, events);
      }
    }
    return 0;
  }

  private List<LabelledTokens> batch(BaseModel model) throws IOException {
    ExampleEncoder encoder = model.encoder(Integer.MAX_VALUE, trainOnInputs);
    return KShot.sample(RecData.published(Domain.MOVIE).train(), examples, 0).stream()
        .map(example -> encoder.encode(example.text()).tokens())
        .toList();
  }

  private List<ProfiledDevice.Event> lastStep(
      ProfiledDevice profiled, BaseModel model, List<LabelledTokens> batch)
      throws IOException, TrainingStoppedException {
    TrainingConfig config =
        new TrainingConfig(
            1e-4,
            Schedule.CONSTANT,
            0,
            WARM_UP_STEPS,
            examples,
            tokens,
            AdamWSettings.withDecay(0),
            1,
            true,
            -1,
            0,
            0,
            0);
    List<ProfiledDevice.Event> last = new ArrayList<>();
    TrainingListener listener =
        new TrainingListener() {
          @Override
          public void onStep(Step step) {
            last.clear();
            last.addAll(profiled.takeEvents());
          }

          @Override
          public void onEvaluation(Evaluated evaluated) {}
        };
    try (LoraAdapter adapter = LoraAdapter.initial(model.config(), LoraConfig.paper(), 0);
        Trainer trainer = new Trainer(model.network(), adapter, config)) {
      profiled.takeEvents();
      trainer.train(batch, listener, Optional.empty(), () -> false);
    }
    return last;
  }

  private static OperationTable.Ceilings ceilings(ProfiledDevice device) {
    int size = DeviceSpeed.productSize(device);
    OperationTable.Ceilings ceilings =
        new OperationTable.Ceilings(
            DeviceSpeed.product(device, size, size, size, REPETITIONS),
            DeviceSpeed.copy(device, REPETITIONS));
    device.takeEvents();
    return ceilings;
  }

  private static void print(
      List<ProfiledDevice.Event> events, long batchTokens, OperationTable.Ceilings ceilings) {
    OperationTable table = OperationTable.of(events);
    table.lines(ceilings).forEach(System.out::println);
    System.out.printf(
        "step of %,d tokens: %.1f ms, %,.0f tokens/s, %.1f%% of it outside of operations%n",
        batchTokens,
        table.nanos() / 1e6,
        batchTokens / (table.nanos() / 1e9),
        100 * (1 - table.busyNanos() / table.nanos()));
  }

  private static void write(Path file, List<ProfiledDevice.Event> events) throws IOException {
    List<Map<String, Object>> trace = new ArrayList<>();
    for (ProfiledDevice.Event event : events) {
      trace.add(
          Map.of(
              "name",
              event.name(),
              "ph",
              "X",
              "pid",
              1,
              "tid",
              1,
              "ts",
              event.startNanos() / 1e3,
              "dur",
              event.nanos() / 1e3));
    }
    AtomicFiles.replaceFile(
        file,
        aside ->
            Files.write(aside, new JsonMapper().writeValueAsBytes(Map.of("traceEvents", trace))));
    System.out.println("trace: " + file);
  }
}
