package dev.tallrec.benchmarks;

import dev.tallrec.backend.DeviceArena;
import dev.tallrec.backend.FrozenLinear;
import dev.tallrec.backend.Matrix;
import dev.tallrec.backend.cpu.CpuDevice;
import dev.tallrec.llama.Adapter;
import dev.tallrec.llama.LlamaConfig;
import dev.tallrec.llama.LlamaNetwork;
import dev.tallrec.llama.LlamaWeights;
import dev.tallrec.llama.Projection;
import dev.tallrec.llama.TextGenerator;
import dev.tallrec.lora.LoraAdapter;
import dev.tallrec.lora.LoraConfig;
import dev.tallrec.model.BaseModel;
import dev.tallrec.model.BundledBase;
import dev.tallrec.rec.TasteScorer;
import dev.tallrec.tensor.DType;
import dev.tallrec.text.LabelledTokens;
import dev.tallrec.train.Trainer;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Our side of peers/compare_cpu.py: does one round of a work when told to on standard input, and
 * answers with the seconds it took. Rounds of both sides alternate, in processes that stay warm.
 */
public final class PeerServer {

  /** Projections whose product is one. */
  private static final List<List<Projection>> PRODUCTS =
      List.of(
          List.of(Projection.Q_PROJ, Projection.K_PROJ, Projection.V_PROJ),
          List.of(Projection.O_PROJ),
          List.of(Projection.GATE_PROJ, Projection.UP_PROJ),
          List.of(Projection.DOWN_PROJ));

  private static final int BATCH_TOKENS = 2048;

  private PeerServer() {}

  /** A work that can be repeated. */
  private interface Round {
    void run() throws Exception;
  }

  /**
   * Serves "train SHAPE ROWS", "forward SHAPE ROWS", both with oneDNN's library after them for
   * products in bf16, "products SHAPE TOKENS TIMES", "decode SHAPE PROMPT NEW", "movie-train
   * INPUTS", "movie-score"; an empty line repeats.
   */
  public static void main(String[] arguments) throws Exception {
    Round round =
        switch (arguments[0]) {
          case "train", "forward" -> dense(arguments);
          case "products" -> products(arguments);
          case "decode" -> decode(arguments);
          case "movie-train" -> movieTrain(Boolean.parseBoolean(arguments[1]));
          case "movie-score" -> movieScore();
          default -> throw new IllegalArgumentException(arguments[0]);
        };
    BufferedReader commands =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    while (commands.readLine() != null) {
      long start = System.nanoTime();
      round.run();
      System.out.println((System.nanoTime() - start) / 1e9);
    }
  }

  private static Round dense(String[] arguments) throws IOException {
    StepBenchmark benchmark = new StepBenchmark();
    benchmark.shape = ModelShape.valueOf(arguments[1]);
    benchmark.rows = Integer.parseInt(arguments[2]);
    DeviceUnderTest device =
        DeviceUnderTest.cpu(arguments.length > 3 ? Path.of(arguments[3]) : null);
    benchmark.setUp(device);
    Products products = new Products();
    products.restart(device);
    TokenRate rate = new TokenRate();
    return arguments[0].equals("train")
        ? () -> benchmark.train(products, rate)
        : () -> benchmark.forward(products, rate);
  }

  /** A layer's products with its frozen weights, forward. */
  private static Round products(String[] arguments) {
    LlamaConfig config = ModelShape.valueOf(arguments[1]).config();
    int tokens = Integer.parseInt(arguments[2]);
    int times = Integer.parseInt(arguments[3]);
    CpuDevice device = CpuDevice.ofAllProcessors();
    DeviceArena memory = device.newArena();
    RandomWeights source = RandomWeights.ofEachLayer(config, DType.F32);
    List<Runnable> products = new ArrayList<>();
    for (List<Projection> together : PRODUCTS) {
      FrozenLinear weight =
          device.loadLinear(
              memory, together.stream().map(one -> source.tensor(one.weightName(0))).toList());
      Matrix x = Matrix.allocate(memory, "x", DType.F32, tokens, weight.inFeatures());
      device.ops().fill(x, 0.5f);
      Matrix y = Matrix.allocate(memory, "y", DType.F32, tokens, weight.outFeatures());
      products.add(() -> device.ops().linear(x, weight, y, false));
    }
    return () -> {
      for (int i = 0; i < times; i++) {
        products.forEach(Runnable::run);
      }
    };
  }

  /** One sequence, the likeliest token each time, with keys and values kept. */
  private static Round decode(String[] arguments) throws IOException {
    LlamaConfig config = ModelShape.valueOf(arguments[1]).config();
    int[] prompt =
        new SplittableRandom(2)
            .ints(Integer.parseInt(arguments[2]), 3, config.vocabSize())
            .toArray();
    int tokens = Integer.parseInt(arguments[3]);
    CpuDevice device = CpuDevice.ofAllProcessors();
    LlamaWeights weights =
        LlamaWeights.load(device, config, RandomWeights.ofEachLayer(config, DType.F32));
    TextGenerator generator =
        new TextGenerator(new LlamaNetwork(device, weights), Adapter.NONE, prompt.length + tokens);
    return () -> generator.greedy(prompt, tokens, _ -> false);
  }

  private static BaseModel base() throws IOException {
    return BaseModel.named(CpuDevice.ofAllProcessors(), BundledBase.NAME);
  }

  private static Round movieTrain(boolean trainOnInputs) throws IOException {
    BaseModel base = base();
    MovieRows rows = MovieRows.of(base);
    List<LabelledTokens> examples = trainOnInputs ? rows.whole() : rows.answers();
    LoraAdapter adapter = LoraAdapter.initial(base.config(), LoraConfig.paper(), 0);
    Trainer trainer = new Trainer(base.network(), adapter, MovieWorks.training(BATCH_TOKENS));
    return () -> MovieWorks.train(trainer, examples);
  }

  private static Round movieScore() throws IOException {
    BaseModel base = base();
    TasteScorer scorer = MovieWorks.scorer(base.network(), MovieRows.of(base), BATCH_TOKENS);
    return () -> scorer.score((done, all) -> {});
  }
}
