package dev.tallrec.benchmarks;

import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.tallrec.backend.Device;
import dev.tallrec.backend.DeviceMemoryException;
import dev.tallrec.backend.cpu.CpuDevice;
import dev.tallrec.backend.cuda.CudaDevice;
import dev.tallrec.backend.cuda.GpuModel;
import dev.tallrec.backend.profile.DeviceSpeed;
import dev.tallrec.backend.profile.OperationTable;
import dev.tallrec.backend.profile.ProfiledDevice;
import dev.tallrec.llama.LlamaConfig;
import dev.tallrec.llama.LlamaNetwork;
import dev.tallrec.llama.LlamaWeights;
import dev.tallrec.llama.TokenBatch;
import dev.tallrec.llama.Workspace;
import dev.tallrec.llama.WorkspacePlan;
import dev.tallrec.lora.LoraAdapter;
import dev.tallrec.lora.LoraConfig;
import dev.tallrec.lora.LoraParameters;
import dev.tallrec.rec.TasteScorer;
import dev.tallrec.tensor.DType;
import dev.tallrec.text.LabelledTokens;
import dev.tallrec.train.AdamW;
import dev.tallrec.train.AdamWSettings;
import dev.tallrec.train.LossScale;
import dev.tallrec.train.Trainer;
import dev.tallrec.train.TrainingStoppedException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Times works of a model of a given shape with random weights, on any device, one JSON object a
 * line, for gpu-check.sh. The first line tells the device, its best product and copy, and how long
 * the weights took. What the JVM does on the CPU alone is timed by PeerServer.
 *
 * <p>A work that fails says why in its line, and the next one is timed if the device still answers;
 * in the end it is an error.
 *
 * <p>usage: StepTimer cpu|cuda F16|BF16|F32 SHAPE WORK...
 *
 * <ul>
 *   <li>{@code dense:LENGTH:ROWS}, a training step of equal rows that learn all their tokens: also
 *       as model FLOP beside the best product and beside the data sheet
 *   <li>{@code movie-train:answers} or {@code movie-train:whole}, 64 movie rows, 16 a step
 *   <li>{@code movie-score}, the movie test set by one forward pass
 *   <li>{@code profile:LENGTH:ROWS}, of a dense step everything that the device did, as a table
 * </ul>
 */
public final class StepTimer implements AutoCloseable {

  // The fastest of so many, or of fewer if they take so long: slower devices have minutes for all.
  private static final int REPETITIONS = 5;
  private static final double PATIENCE_SECONDS = 8;
  // Before anything is timed: the JVM compiles what launches kernels.
  private static final double WARM_UP_SECONDS = 2;
  private static final int CEILING_TOKENS = 2048;
  private static final int CEILING_REPETITIONS = 10;
  private static final int MOVIE_TOKENS = 4096;
  private static final double FLOP_PER_PARAMETER = 4;
  private static final float DROPOUT = 0.05f;
  private static final String PROFILE = "profile";

  private final Device device;
  private final LlamaNetwork network;
  private final LlamaWeights weights;
  private final OperationTable.Ceilings ceilings;
  private final List<String> failed = new ArrayList<>();
  private boolean warm;
  private @Nullable MovieRows movies;

  private StepTimer(Device device, LlamaWeights weights, OperationTable.Ceilings ceilings) {
    this.device = device;
    this.weights = weights;
    this.network = new LlamaNetwork(device, weights);
    this.ceilings = ceilings;
  }

  /** Runs it. */
  public static void main(String[] arguments) throws IOException, TrainingStoppedException {
    // As tallrec's own main does: tables of operations look the same on every machine.
    Locale.setDefault(Locale.ROOT);
    DType type = DType.valueOf(arguments[1]);
    LlamaConfig config = ModelShape.valueOf(arguments[2]).config();
    List<String> works = Arrays.asList(arguments).subList(3, arguments.length);
    boolean profiled = works.stream().anyMatch(work -> work.startsWith(PROFILE));
    try (Device device = open(arguments[0].equals("cuda"), type, profiled);
        RandomWeights source = new RandomWeights(config, type)) {
      OperationTable.Ceilings ceilings = ceilings(device, config);
      long start = System.nanoTime();
      try (StepTimer timer =
          new StepTimer(device, LlamaWeights.load(device, config, source), ceilings)) {
        device.synchronize();
        print(
            Map.of(
                "device", device.description(),
                "ceiling_tflops", ceilings.flop() / 1e12,
                "copy_gb_per_second", ceilings.bytes() / 1e9,
                "load_seconds", (System.nanoTime() - start) / 1e9));
        for (String work : works) {
          timer.time(work);
        }
        if (!timer.failed.isEmpty()) {
          throw new IllegalStateException("failed, as their lines say: " + timer.failed);
        }
      }
    }
  }

  private static Device open(boolean cuda, DType type, boolean profiled) throws IOException {
    if (cuda) {
      return profiled ? CudaDevice.openProfiled(0, type) : CudaDevice.open(0, type);
    }
    Device cpu = CpuDevice.ofAllProcessors();
    return profiled ? new ProfiledDevice(cpu) : cpu;
  }

  /** Before there are weights: where these leave little memory, it must not be too little. */
  private static OperationTable.Ceilings ceilings(Device device, LlamaConfig config) {
    int size = DeviceSpeed.productSize(device);
    double ofTheModel =
        DeviceSpeed.product(
            device,
            CEILING_TOKENS,
            config.hiddenSize(),
            config.intermediateSize(),
            CEILING_REPETITIONS);
    double square = DeviceSpeed.product(device, size, size, size, CEILING_REPETITIONS);
    return new OperationTable.Ceilings(
        Math.max(ofTheModel, square), DeviceSpeed.copy(device, CEILING_REPETITIONS));
  }

  /** Goes on after a work that failed unless it took the device with it. */
  private void time(String work) throws IOException {
    Map<String, Object> result = new LinkedHashMap<>();
    try {
      run(work, result);
    } catch (DeviceMemoryException e) {
      result.put("does_not_fit", String.valueOf(e.getMessage()));
    } catch (IOException | TrainingStoppedException | RuntimeException e) {
      failed.add(work);
      result.put("failed", e.toString());
    }
    print(result);
    if (result.containsKey("failed")) {
      // An error of the device that stays: every later work would fail of it.
      device.synchronize();
    }
  }

  private void run(String work, Map<String, Object> result)
      throws IOException, TrainingStoppedException {
    String[] parts = work.split(":");
    boolean dense = parts[0].equals("dense") || parts[0].equals(PROFILE);
    result.put("work", dense ? parts[0] : work);
    if (dense) {
      dense(result, Integer.parseInt(parts[1]), Integer.parseInt(parts[2]));
    } else if (parts[0].equals("movie-train")) {
      movieTrain(result, parts[1].equals("whole"));
    } else if (work.equals("movie-score")) {
      movieScore(result);
    } else {
      throw new IllegalArgumentException("there is no work " + work);
    }
  }

  /** A work that can be repeated. */
  private interface Round {
    void run() throws IOException, TrainingStoppedException;
  }

  /** Seconds of the fastest of several times, after a first one, when the JVM is warm. */
  private double fastest(Round round) throws IOException, TrainingStoppedException {
    long begin = System.nanoTime();
    while (!warm) {
      round.run();
      device.synchronize();
      warm = System.nanoTime() - begin > WARM_UP_SECONDS * 1e9;
    }
    double best = Double.MAX_VALUE;
    double spent = 0;
    for (int i = 0; i <= 1 || (i <= REPETITIONS && spent < PATIENCE_SECONDS); i++) {
      device.synchronize();
      long start = System.nanoTime();
      round.run();
      device.synchronize();
      double seconds = (System.nanoTime() - start) / 1e9;
      best = i == 0 ? best : Math.min(best, seconds);
      spent += seconds;
    }
    return best;
  }

  private void dense(Map<String, Object> result, int length, int rows)
      throws IOException, TrainingStoppedException {
    LlamaConfig config = network.config();
    result.put("rows", rows);
    result.put("length", length);
    try (LoraAdapter adapter = LoraAdapter.initial(config, LoraConfig.paper(), 1);
        LoraParameters parameters = new LoraParameters(device, config, adapter);
        AdamW optimizer = new AdamW(device, parameters, AdamWSettings.withDecay(0))) {
      int saved = Workspace.layersThatFit(device, config, parameters, rows * length, rows);
      try (Workspace workspace =
          new Workspace(
              device,
              config,
              parameters,
              WorkspacePlan.forTraining(config, rows * length, rows, saved))) {
        result.put("saved_layers", saved);
        result.put("workspace_gib", workspace.allocatedBytes() / (double) (1 << 30));
        TokenBatch batch = DenseBatch.of(config, length, rows);
        double scale = new LossScale(device.computeType()).value();
        double[] loss = new double[1];
        Round step =
            () -> {
              loss[0] =
                  network.lossAndGradients(
                          workspace, batch, (float) (scale / batch.labelWeight()), DROPOUT, 1)
                      / batch.labelWeight();
              optimizer.step(1e-4, 1, scale);
            };
        double seconds = fastest(step);
        double flop = FLOP_PER_PARAMETER * config.parameterCount() * rows * length;
        result.put("seconds", seconds);
        result.put("tokens_per_second", rows * length / seconds);
        result.put("model_flop_use_of_ceiling", flop / seconds / ceilings.flop());
        GpuModel.named(device.description())
            .ifPresent(model ->
                result.put(
                    "model_flop_use_of_data_sheet",
                    flop / seconds / model.flop(device.computeType())));
        result.put("loss", loss[0]);
        if (PROFILE.equals(result.get("work"))) {
          profile((ProfiledDevice) device, step);
        }
      }
    }
  }

  private void profile(ProfiledDevice profiled, Round step)
      throws IOException, TrainingStoppedException {
    profiled.takeEvents();
    step.run();
    OperationTable.of(profiled.takeEvents()).lines(ceilings).forEach(System.out::println);
    profiled.remarks().forEach(System.out::println);
  }

  private MovieRows movies() throws IOException {
    if (movies == null) {
      movies = MovieRows.read();
    }
    return Objects.requireNonNull(movies);
  }

  private void movieTrain(Map<String, Object> result, boolean whole)
      throws IOException, TrainingStoppedException {
    List<LabelledTokens> examples = whole ? movies().whole() : movies().answers();
    try (LoraAdapter adapter = LoraAdapter.initial(network.config(), LoraConfig.paper(), 1);
        Trainer trainer = new Trainer(network, adapter, MovieWorks.training(MOVIE_TOKENS))) {
      rates(
          result,
          examples.size(),
          examples.stream().mapToLong(example -> example.ids().length).sum(),
          fastest(() -> MovieWorks.train(trainer, examples)));
    }
  }

  private void movieScore(Map<String, Object> result) throws IOException, TrainingStoppedException {
    List<int[]> prompts = movies().prompts();
    try (TasteScorer scorer = MovieWorks.scorer(network, movies(), MOVIE_TOKENS)) {
      long tokens = prompts.stream().mapToLong(prompt -> prompt.length).sum();
      double seconds = fastest(() -> scorer.score((done, all) -> {}));
      rates(result, prompts.size(), tokens, seconds);
    }
  }

  /** Tokens count whether they are computed or shared. */
  private static void rates(Map<String, Object> result, int examples, long tokens, double seconds) {
    result.put("examples", examples);
    result.put("seconds", seconds);
    result.put("examples_per_second", examples / seconds);
    result.put("tokens_per_second", tokens / seconds);
  }

  private static void print(Map<String, Object> result) throws IOException {
    System.out.println(new JsonMapper().writeValueAsString(result));
  }

  @Override
  public void close() {
    weights.close();
  }
}
