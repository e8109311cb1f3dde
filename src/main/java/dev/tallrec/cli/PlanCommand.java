package dev.tallrec.cli;

import dev.tallrec.llama.LlamaConfig;
import dev.tallrec.llama.LlamaConfigReader;
import dev.tallrec.llama.PlannedBuffer;
import dev.tallrec.llama.Workspace;
import dev.tallrec.llama.WorkspacePlan;
import dev.tallrec.lora.LoraConfig;
import dev.tallrec.lora.PlannedAdapter;
import dev.tallrec.tensor.DType;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Shows what training takes of memory. */
@Command(
    name = "plan",
    mixinStandardHelpOptions = true,
    description =
        "Shows every buffer that tuning a model needs, before anything is allocated, and how many layers'"
            + " activations fit. Needs only the model's config.json; LoRA as in the paper.")
final class PlanCommand implements Callable<Integer> {

  private static final double GIB = 1 << 30;

  @Option(
      names = "--base",
      paramLabel = "DIR",
      required = true,
      description = "Directory with the model's config.json.")
  private Path base = Path.of(".");

  @Option(
      names = "--memory",
      paramLabel = "GiB",
      description = "Device memory (default: ${DEFAULT-VALUE}).")
  private double memory = 24;

  @Option(
      names = "--compute-type",
      paramLabel = "TYPE",
      description = "Type of weights and activations: F16, BF16, F32 (default: ${DEFAULT-VALUE}).")
  private DType type = DType.F16;

  @Option(
      names = "--micro-batch-tokens",
      paramLabel = "N",
      description = "Tokens of one forward and backward pass (default: ${DEFAULT-VALUE}).")
  private int tokens = 4096;

  @Option(
      names = "--sequences",
      paramLabel = "N",
      description = "Most examples in them (default: ${DEFAULT-VALUE}).")
  private int sequences = 128;

  @Override
  public Integer call() throws IOException {
    if (!type.isWeight()) {
      throw new IllegalArgumentException("--compute-type " + type + ": F16, BF16 or F32");
    }
    LlamaConfig config = LlamaConfigReader.read(base);
    LoraConfig lora = LoraConfig.paper();
    PlannedAdapter adapter = new PlannedAdapter(config, lora);
    long weights = config.parameterCount() * type.byteSize();
    // Masters, gradients and two moments in F32, and the working copy.
    long trained = lora.parameterCount(config) * (4L * Float.BYTES + type.byteSize());
    long available = (long) (memory * GIB) - weights - trained;
    int layers = config.numHiddenLayers();
    List<PlannedBuffer> buffers = plan(config, adapter, layers);
    while (layers > 0 && total(buffers) > available) {
      buffers = plan(config, adapter, --layers);
    }
    print(config, weights, trained, buffers, layers);
    boolean fits = total(buffers) <= available;
    if (!fits) {
      System.out.printf("does NOT fit %.1f GiB: use fewer --micro-batch-tokens%n", memory);
    }
    return fits ? 0 : Tallrec.FAILED;
  }

  private List<PlannedBuffer> plan(LlamaConfig config, PlannedAdapter adapter, int savedLayers) {
    return Workspace.plan(
        type, config, adapter, WorkspacePlan.forTraining(config, tokens, sequences, savedLayers));
  }

  private static long total(List<PlannedBuffer> buffers) {
    return buffers.stream().mapToLong(PlannedBuffer::bytes).sum();
  }

  private void print(
      LlamaConfig config, long weights, long trained, List<PlannedBuffer> buffers, int layers) {
    Map<String, Long> byLabel = new LinkedHashMap<>();
    for (PlannedBuffer buffer : buffers) {
      byLabel.merge(
          buffer.label().replaceFirst("layer \\d+", "kept layers:"), buffer.bytes(), Long::sum);
    }
    row("frozen weights, " + type, weights);
    row("LoRA masters, gradients, moments, working copy", trained);
    byLabel.forEach(PlanCommand::row);
    row("sum", weights + trained + total(buffers));
    System.out.printf(
        "activations of %d of %d layers are kept, those of the others computed again%n",
        layers, config.numHiddenLayers());
  }

  private static void row(String label, long bytes) {
    System.out.printf("%-56s %,16d bytes  %7.3f GiB%n", label, bytes, bytes / GIB);
  }
}
