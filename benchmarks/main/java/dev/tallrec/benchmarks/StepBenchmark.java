package dev.tallrec.benchmarks;

import dev.tallrec.backend.cpu.CpuDevice;
import dev.tallrec.llama.LlamaConfig;
import dev.tallrec.llama.LlamaNetwork;
import dev.tallrec.llama.LlamaWeights;
import dev.tallrec.llama.TokenBatch;
import dev.tallrec.llama.Workspace;
import dev.tallrec.llama.WorkspacePlan;
import dev.tallrec.lora.LoraAdapter;
import dev.tallrec.lora.LoraConfig;
import dev.tallrec.lora.LoraParameters;
import dev.tallrec.tensor.DType;
import dev.tallrec.train.AdamW;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Whole training steps and forward passes over dense rows (equal length, loss everywhere), LoRA r 8
 * on q_proj and v_proj, weights in fp32 as the peer has them.
 *
 * <p>{@code java -jar benchmarks/target/benchmarks.jar StepBenchmark -p shape=MINI}; last figures
 * in results/.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 2, time = 3)
@Measurement(iterations = 3, time = 3)
@Fork(
    value = 3,
    jvmArgsAppend = {"--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED"})
public class StepBenchmark {

  private static final int LENGTH = 256;

  @Param({"MINI", "M15"})
  public ModelShape shape;

  @Param("8")
  public int rows;

  // oneDNN's library, to multiply frozen weights in bf16. No parameter: recorded runs keep their
  // names.
  @Nullable Path oneDnn;

  private CpuDevice device;
  private RandomWeights source;
  private LlamaWeights weights;
  private LlamaNetwork network;
  private LoraAdapter adapter;
  private LoraParameters parameters;
  private AdamW optimizer;
  private Workspace workspace;
  private TokenBatch batch;

  /** Builds the model and a batch. */
  @Setup
  public void setUp() throws IOException {
    LlamaConfig config = shape.config();
    device =
        oneDnn == null
            ? CpuDevice.ofAllProcessors()
            : CpuDevice.inBFloat16(Runtime.getRuntime().availableProcessors(), Optional.of(oneDnn));
    source = RandomWeights.ofEachLayer(config, DType.F32);
    weights = LlamaWeights.load(device, config, source);
    network = new LlamaNetwork(device, weights);
    adapter = LoraAdapter.initial(config, LoraConfig.paper(), 1);
    parameters = new LoraParameters(device, config, adapter);
    optimizer = new AdamW(device, parameters, 0.9, 0.999, 1e-8, 0);
    workspace =
        new Workspace(
            device,
            config,
            parameters,
            WorkspacePlan.forTraining(config, rows * LENGTH, rows, config.numHiddenLayers()));
    batch = DenseBatch.of(config, LENGTH, rows);
  }

  /** Gives everything back. */
  @TearDown
  public void tearDown() {
    workspace.close();
    optimizer.close();
    parameters.close();
    adapter.close();
    weights.close();
    source.close();
    device.close();
  }

  /** Forward, backward, AdamW. */
  @Benchmark
  public double train(Work work) {
    double loss =
        network.lossAndGradients(workspace, batch, (float) (1 / batch.labelWeight()), 0, 1);
    optimizer.step(1e-4, 1, 1);
    work.tokens += rows * LENGTH;
    return loss;
  }

  /** Forward and loss. */
  @Benchmark
  public double forward(Work work) {
    work.tokens += rows * LENGTH;
    return network.loss(workspace, batch);
  }
}
