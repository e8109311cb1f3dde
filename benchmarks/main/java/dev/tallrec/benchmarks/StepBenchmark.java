package dev.tallrec.benchmarks;

import dev.tallrec.backend.Device;
import dev.tallrec.llama.LlamaConfig;
import dev.tallrec.llama.TokenBatch;
import dev.tallrec.llama.Workspace;
import dev.tallrec.llama.WorkspacePlan;
import dev.tallrec.lora.LoraConfig;
import dev.tallrec.train.AdamW;
import dev.tallrec.train.AdamWSettings;
import java.io.IOException;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Measurement;
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
 * <p>{@code java -jar benchmarks/target/benchmarks.jar StepBenchmark -p shape=MINI}
 *
 * <p>Last recorded (results/steps.json; 2 virtual cores with AVX-512), tokens/s and share of the
 * best product: train MINI 10,600 (56 %), M15 5,000 (61 %), M110 840 (74 %); forward 22,700 (60 %),
 * 9,900 (60 %), 1,800 (80 %).
 */
@State(Scope.Benchmark)
@Warmup(iterations = 2, time = 3)
@Measurement(iterations = 3, time = 3)
public class StepBenchmark extends ForkedBenchmark {

  private static final int LENGTH = 256;

  @Param({"MINI", "M15", "M110"})
  public ModelShape shape;

  @Param("8")
  public int rows;

  private Device device;
  private RandomModel model;
  private AdamW optimizer;
  private Workspace workspace;
  private TokenBatch batch;

  /** Builds the model and a batch. */
  @Setup
  public void setUp(DeviceUnderTest deviceUnderTest) throws IOException {
    LlamaConfig config = shape.config();
    device = deviceUnderTest.get();
    model = new RandomModel(device, config, LoraConfig.paper());
    optimizer = new AdamW(device, model.parameters(), AdamWSettings.withDecay(0));
    workspace =
        new Workspace(
            device,
            config,
            model.parameters(),
            WorkspacePlan.forTraining(config, rows * LENGTH, rows, config.numHiddenLayers()));
    batch = DenseBatch.of(config, LENGTH, rows);
  }

  /** Gives everything back. */
  @TearDown
  public void tearDown() {
    workspace.close();
    optimizer.close();
    model.close();
  }

  /** Forward, backward, AdamW. */
  @Benchmark
  public double train(Products products, TokenRate rate) {
    double loss =
        model.network().lossAndGradients(workspace, batch, (float) (1 / batch.labelWeight()), 0, 1);
    optimizer.step(1e-4, 1, 1);
    device.synchronize();
    products.did(modelFlop(4));
    rate.did(rows * LENGTH);
    return loss;
  }

  /** Forward and loss. */
  @Benchmark
  public double forward(Products products, TokenRate rate) {
    double loss = model.network().loss(workspace, batch);
    products.did(modelFlop(2));
    rate.did(rows * LENGTH);
    return loss;
  }

  /**
   * The batch's model FLOP: 2 a parameter and token forward, as many for the input gradient; no
   * weight has a gradient, and what attention multiplies does not count.
   */
  private double modelFlop(int perParameter) {
    return (double) perParameter * model.network().config().parameterCount() * rows * LENGTH;
  }
}
