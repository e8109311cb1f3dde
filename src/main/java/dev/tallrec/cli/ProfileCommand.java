package dev.tallrec.cli;

import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.tallrec.backend.DeviceSpeed;
import dev.tallrec.backend.ProfiledDevice;
import dev.tallrec.lora.LoraAdapter;
import dev.tallrec.lora.LoraConfig;
import dev.tallrec.model.BaseModel;
import dev.tallrec.model.BundledBase;
import dev.tallrec.rec.Domain;
import dev.tallrec.rec.KShot;
import dev.tallrec.rec.RecData;
import dev.tallrec.safetensors.AtomicFiles;
import dev.tallrec.tensor.DType;
import dev.tallrec.text.ExampleEncoder;
import dev.tallrec.text.LabelledTokens;
import dev.tallrec.train.Schedule;
import dev.tallrec.train.Trainer;
import dev.tallrec.train.TrainingConfig;
import dev.tallrec.train.TrainingListener;
import dev.tallrec.train.TrainingStoppedException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
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
            + " GPU kernel by kernel, as the GPU itself took their times. Rates are of products in operations, of all else in bytes of"
            + " the matrices read or written, each once; more than the best copy is reached where data stay in caches.")
final class ProfileCommand implements Callable<Integer> {

  private static final int WARM_UP_STEPS = 12;

  // Large enough for each kind of device to be at its best.
  private static final int CPU_PRODUCT = 1024;
  private static final int GPU_PRODUCT = 4096;
  private static final int REPETITIONS = 20;

  @Mixin private DeviceOptions device = new DeviceOptions();

  @Option(
      names = "--base",
      paramLabel = "DIR",
      description = "Base model (default: ${DEFAULT-VALUE}).")
  private String base = BundledBase.NAME;

  @Option(
      names = "--examples",
      paramLabel = "N",
      description = "Examples of a step (default: ${DEFAULT-VALUE}).")
  private int examples = 16;

  @Option(
      names = "--micro-batch-tokens",
      paramLabel = "N",
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
    try (ProfiledDevice profiled = device.openProfiled();
        BaseModel model = BaseModel.named(profiled, base)) {
      System.out.println(profiled.description());
      Ceilings ceilings = Ceilings.of(profiled);
      List<LabelledTokens> batch = batch(model);
      List<ProfiledDevice.Event> events = lastStep(profiled, model, batch);
      print(events, batch.stream().mapToLong(example -> example.ids().length).sum(), ceilings);
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
            0,
            0.9,
            0.999,
            1e-8,
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
      trainer.train(batch, null, listener, Optional.empty(), () -> false);
    }
    return last;
  }

  /** What a device does at best, in operations and bytes a second. */
  private record Ceilings(double flop, double bytes) {

    static Ceilings of(ProfiledDevice device) {
      int size = device.computeType() == DType.F32 ? CPU_PRODUCT : GPU_PRODUCT;
      Ceilings ceilings =
          new Ceilings(
              DeviceSpeed.product(device, size, size, size, REPETITIONS),
              DeviceSpeed.copy(device, REPETITIONS));
      device.takeEvents();
      return ceilings;
    }
  }

  /** Time, products and bytes of an operation. */
  private record Sum(int calls, long nanos, double flop, long bytes) {
    Sum plus(ProfiledDevice.Event event) {
      return new Sum(calls + 1, nanos + event.nanos(), flop + event.flop(), bytes + event.bytes());
    }

    /** Rate and its share of the ceiling: of products by operations, of all else by bytes. */
    String rate(Ceilings ceilings) {
      double seconds = nanos / 1e9;
      if (flop > 0) {
        return "%,10.0f GFLOP/s %6.1f%%"
            .formatted(flop / 1e9 / seconds, 100 * flop / seconds / ceilings.flop);
      }
      return bytes > 0
          ? "%,10.1f GB/s    %6.1f%%"
              .formatted(bytes / 1e9 / seconds, 100 * bytes / seconds / ceilings.bytes)
          : "";
    }
  }

  private static void print(
      List<ProfiledDevice.Event> events, long batchTokens, Ceilings ceilings) {
    Map<String, Sum> sums = new LinkedHashMap<>();
    for (ProfiledDevice.Event event : events) {
      sums.put(event.name(), sums.getOrDefault(event.name(), new Sum(0, 0, 0, 0)).plus(event));
    }
    double all = sums.values().stream().mapToLong(Sum::nanos).sum();
    System.out.printf(
        "at best %,.0f GFLOP/s in products, %,.1f GB/s in copies%n",
        ceilings.flop / 1e9, ceilings.bytes / 1e9);
    // Names of kernels can be longer than those of operations.
    int width = Math.max(20, sums.keySet().stream().mapToInt(String::length).max().orElse(0));
    String name = "%-" + width + "s";
    System.out.printf(
        name + " %6s %10s %7s %18s %7s%n", "operation", "calls", "ms", "share", "rate", "of best");
    sums.entrySet().stream()
        .sorted((a, b) -> Long.compare(b.getValue().nanos(), a.getValue().nanos()))
        .forEach(entry -> {
          Sum sum = entry.getValue();
          System.out.printf(
              name + " %6d %10.2f %6.1f%% %s%n",
              entry.getKey(),
              sum.calls(),
              sum.nanos() / 1e6,
              100 * sum.nanos() / all,
              sum.rate(ceilings));
        });
    long first = events.getFirst().startNanos();
    ProfiledDevice.Event end = events.getLast();
    double step = end.startNanos() + end.nanos() - first;
    System.out.printf(
        "step of %,d tokens: %.1f ms, %,.0f tokens/s, %.1f%% of it outside of operations%n",
        batchTokens, step / 1e6, batchTokens / (step / 1e9), 100 * (1 - all / step));
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
