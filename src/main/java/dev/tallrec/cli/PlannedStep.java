package dev.tallrec.cli;

import dev.tallrec.backend.cuda.CudaDevice;
import dev.tallrec.backend.cuda.GpuModel;
import dev.tallrec.backend.profile.OperationTable;
import dev.tallrec.backend.profile.ProfiledDevice;
import dev.tallrec.llama.LlamaConfig;
import dev.tallrec.llama.LlamaNetwork;
import dev.tallrec.llama.LlamaWeights;
import dev.tallrec.llama.PlannedWeights;
import dev.tallrec.llama.TokenBatch;
import dev.tallrec.llama.Workspace;
import dev.tallrec.llama.WorkspacePlan;
import dev.tallrec.lora.LoraAdapter;
import dev.tallrec.lora.LoraConfig;
import dev.tallrec.lora.LoraParameters;
import dev.tallrec.tensor.DType;
import dev.tallrec.train.AdamW;
import dev.tallrec.train.AdamWSettings;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;

/**
 * A training step on a GPU that need not be there, made by the code that trains: the least time of
 * everything it launches.
 *
 * @param tokens of the step
 * @param table of what is launched
 * @param modelFlop 4 a parameter and token, as all of a model's products but attention's are 2
 *     forward and 2 for the gradient of what they multiply
 */
record PlannedStep(int tokens, OperationTable table, double modelFlop) {

  private static final float DROPOUT = 0.05f;

  /**
   * Takes the step.
   *
   * @param examples rows of {@code length} tokens, all of them learned
   * @param savedLayers whose activations are kept
   */
  static PlannedStep of(
      GpuModel gpu,
      DType type,
      LlamaConfig config,
      LoraConfig lora,
      int examples,
      int length,
      int savedLayers)
      throws IOException {
    int tokens = examples * length;
    try (ProfiledDevice device = CudaDevice.planned(gpu, type);
        PlannedWeights source = new PlannedWeights(config, type);
        LlamaWeights weights = LlamaWeights.load(device, config, source);
        LoraAdapter adapter = LoraAdapter.initial(config, lora, 0);
        LoraParameters parameters = new LoraParameters(device, config, adapter);
        AdamW optimizer = new AdamW(device, parameters, AdamWSettings.withDecay(0));
        Workspace workspace =
            new Workspace(
                device,
                config,
                parameters,
                WorkspacePlan.forTraining(config, tokens, examples + 1, savedLayers))) {
      LlamaNetwork network = new LlamaNetwork(device, weights);
      device.takeEvents();
      network.lossAndGradients(workspace, batch(examples, length), 1, DROPOUT, 0);
      optimizer.step(1e-4, 1, 1);
      List<ProfiledDevice.Event> events = device.takeEvents();
      return new PlannedStep(
          tokens, OperationTable.of(events), 4.0 * config.parameterCount() * tokens);
    }
  }

  private static TokenBatch batch(int examples, int length) {
    TokenBatch batch = new TokenBatch(examples * length, examples + 1);
    int[] ids = new int[length];
    boolean[] isLabel = new boolean[length];
    Arrays.fill(isLabel, 1, length, true);
    for (int example = 0; example < examples; example++) {
      batch.addExample(ids, isLabel, 0, length, TokenBatch.NO_PREFIX, 1);
    }
    return batch;
  }

  /** Prints the table, and what the step comes to. */
  void print(GpuModel gpu, DType type) {
    table
        .lines(new OperationTable.Ceilings(gpu.flop(type), gpu.bytes()))
        .forEach(System.out::println);
    double seconds = table.busyNanos() / 1e9;
    System.out.printf(
        "%s: at least %,.0f ms for a step of %,d tokens, at most %,.0f tokens/s; model FLOP %.0f%% of its best product%n",
        gpu.label(),
        1e3 * seconds,
        tokens,
        tokens / seconds,
        100 * modelFlop / seconds / gpu.flop(type));
  }
}
