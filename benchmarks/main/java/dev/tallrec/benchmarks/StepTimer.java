package dev.tallrec.benchmarks;

import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.tallrec.backend.Device;
import dev.tallrec.backend.DeviceMemoryException;
import dev.tallrec.backend.DeviceSpeed;
import dev.tallrec.backend.cpu.CpuDevice;
import dev.tallrec.backend.cuda.CudaDevice;
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
import dev.tallrec.train.LossScale;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Times training steps of a model of a given shape with random weights, on any device, in tokens/s
 * and as a share of the best product measured just before. One JSON object per line, for
 * gpu-check.sh.
 *
 * <p>usage: StepTimer cpu|cuda F16|BF16|F32 SHAPE LENGTH ROWS,ROWS,...
 */
public final class StepTimer {

  private static final int REPETITIONS = 5;
  private static final int CEILING_TOKENS = 2048;
  private static final double FLOP_PER_PARAMETER = 4;

  private StepTimer() {}

  /** Runs it. */
  public static void main(String[] arguments) throws IOException {
    DType type = DType.valueOf(arguments[1]);
    LlamaConfig config = ModelShape.valueOf(arguments[2]).config();
    int length = Integer.parseInt(arguments[3]);
    try (Device device =
            arguments[0].equals("cuda") ? CudaDevice.open(0, type) : CpuDevice.ofAllProcessors();
        RandomWeights source = new RandomWeights(config, type)) {
      double ceiling =
          DeviceSpeed.product(
              device,
              CEILING_TOKENS,
              config.hiddenSize(),
              config.intermediateSize(),
              2 * REPETITIONS);
      long start = System.nanoTime();
      try (LlamaWeights weights = LlamaWeights.load(device, config, source)) {
        device.synchronize();
        print(
            Map.of(
                "device", device.description(),
                "ceiling_tflops", ceiling / 1e12,
                "load_seconds", (System.nanoTime() - start) / 1e9));
        LlamaNetwork network = new LlamaNetwork(device, weights);
        for (String rows : arguments[4].split(",")) {
          time(device, network, length, Integer.parseInt(rows), ceiling);
        }
      }
    }
  }

  private static void time(
      Device device, LlamaNetwork network, int length, int rows, double ceiling)
      throws IOException {
    LlamaConfig config = network.config();
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("rows", rows);
    result.put("length", length);
    try (LoraAdapter adapter = LoraAdapter.initial(config, LoraConfig.paper(), 1);
        LoraParameters parameters = new LoraParameters(device, config, adapter);
        AdamW optimizer = new AdamW(device, parameters, 0.9, 0.999, 1e-8, 0)) {
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
        double best = Double.MAX_VALUE;
        double loss = 0;
        for (int i = 0; i < REPETITIONS; i++) {
          long start = System.nanoTime();
          loss =
              network.lossAndGradients(
                      workspace, batch, (float) (scale / batch.labelWeight()), 0.05f, i)
                  / batch.labelWeight();
          optimizer.step(1e-4, 1, scale);
          device.synchronize();
          best = Math.min(best, (System.nanoTime() - start) / 1e9);
        }
        double flop = FLOP_PER_PARAMETER * config.parameterCount() * rows * length;
        result.put("seconds", best);
        result.put("tokens_per_second", rows * length / best);
        result.put("model_flop_use_of_ceiling", flop / best / ceiling);
        result.put("loss", loss);
      }
    } catch (DeviceMemoryException e) {
      result.put("does_not_fit", e.getMessage());
    }
    print(result);
  }

  private static void print(Map<String, Object> result) throws IOException {
    System.out.println(new JsonMapper().writeValueAsString(result));
  }
}
