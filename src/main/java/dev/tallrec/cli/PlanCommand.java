package dev.tallrec.cli;

import dev.tallrec.backend.cuda.GpuModel;
import dev.tallrec.llama.LlamaConfig;
import dev.tallrec.llama.LlamaConfigReader;
import dev.tallrec.llama.LlamaWeights;
import dev.tallrec.llama.PlannedBuffer;
import dev.tallrec.llama.Projection;
import dev.tallrec.llama.Workspace;
import dev.tallrec.llama.WorkspacePlan;
import dev.tallrec.lora.LoraConfig;
import dev.tallrec.lora.PlannedAdapter;
import dev.tallrec.lora.TargetModules;
import dev.tallrec.tensor.DType;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Shows what training takes of memory and, at least, of time. */
@Command(
    name = "plan",
    mixinStandardHelpOptions = true,
    description =
        "Shows every buffer that tuning a model needs, before anything is allocated, and how many layers'"
            + " activations fit; then everything that a step launches, and the time that a GPU needs for it at least, by the"
            + " operations of its products and the bytes of all else. Needs only the model's config.json, and no GPU.")
final class PlanCommand implements Callable<Integer> {

  private static final double GIB = 1 << 30;
  private static final long CUBLAS_WORKSPACE = 32L << 20;
  // Of the driver, a context and loaded kernels. An estimate: they differ by card and driver.
  private static final long CONTEXT = 768L << 20;
  private static final Pattern SIZE = Pattern.compile("([0-9]+(?:\\.[0-9]+)?) ?(GiB|GB)");

  @Option(
      names = "--base",
      paramLabel = "DIR",
      required = true,
      description = "Directory with the model's config.json.")
  private Path base = Path.of(".");

  @Option(
      names = "--device-memory",
      paramLabel = "SIZE",
      description = "Memory of the device: 24GiB, 24GB (default: the GPU model's).")
  private @Nullable String memory;

  @Option(
      names = "--gpu-model",
      paramLabel = "NAME",
      description =
          "GPU whose memory and time are told: one of ${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE}).",
      completionCandidates = GpuLabels.class)
  private String gpuModel = GpuModel.RTX_3090.label();

  @Option(
      names = "--compute-type",
      paramLabel = "TYPE",
      description = "Type of weights and activations: F16, BF16, F32 (default: ${DEFAULT-VALUE}).")
  private DType type = DType.F16;

  @Option(
      names = "--micro-batch",
      paramLabel = "N",
      description = "Examples of one forward and backward pass (default: ${DEFAULT-VALUE}).")
  private int microBatch = 6;

  @Option(
      names = "--cutoff",
      paramLabel = "N",
      description = "Tokens of the longest example (default: ${DEFAULT-VALUE}).")
  private int cutoff = 512;

  @Option(names = "--lora-r", paramLabel = "N", description = "Rank (default: ${DEFAULT-VALUE}).")
  private int rank = 8;

  @Option(
      names = "--lora-target-modules",
      split = ",",
      paramLabel = "A,B",
      description = "Adapted projections (default: ${DEFAULT-VALUE}).")
  private List<String> targets = List.of("q_proj", "v_proj");

  @Spec private CommandSpec command;

  private ParameterException wrong(String message) {
    return new ParameterException(command.commandLine(), message);
  }

  /** What --gpu-model may be. */
  private static final class GpuLabels extends ArrayList<String> {
    private static final long serialVersionUID = 1;

    GpuLabels() {
      super(GpuModel.labels());
    }
  }

  @Override
  public Integer call() throws IOException {
    if (!type.isWeight()) {
      throw wrong("--compute-type " + type + ": F16, BF16 or F32");
    }
    if (microBatch < 1 || cutoff < 2 || (long) microBatch * cutoff > Count.MOST) {
      throw wrong(
          "--micro-batch is at least 1, --cutoff 2, and both together %,d tokens at most"
              .formatted(Count.MOST));
    }
    if (rank < 1 || rank > LoraConfig.LARGEST_RANK) {
      throw wrong("--lora-r %d: 1 to %d".formatted(rank, LoraConfig.LARGEST_RANK));
    }
    GpuModel model =
        GpuModel.named(gpuModel)
            .orElseThrow(() ->
                wrong(
                    "--gpu-model %s: one of %s"
                        .formatted(gpuModel, String.join(", ", GpuModel.labels()))));
    LlamaConfig config = LlamaConfigReader.read(base);
    int longest = LlamaWeights.maxPositions(config);
    if (cutoff > longest) {
      throw wrong(
          "--cutoff %d: %d tokens at most can be computed with this model"
              .formatted(cutoff, longest));
    }
    LoraConfig lora =
        new LoraConfig(
            rank, 2.0 * rank, 0, TargetModules.of(projections()), false, Optional.empty());
    lora.checkFor(config);
    PlannedAdapter adapter = new PlannedAdapter(config, lora);
    long weights = config.parameterCount() * type.byteSize();
    // Masters, gradients and two moments in F32, and the working copy.
    long trained = lora.parameterCount(config) * (4L * Float.BYTES + type.byteSize());
    long size = memory == null ? model.memory() : bytes(memory);
    long available = Workspace.shareOf(size - CONTEXT - weights - trained - CUBLAS_WORKSPACE);
    int layers =
        Workspace.layersThatFit(
            type, config, adapter, microBatch * cutoff, microBatch + 1, available);
    List<PlannedBuffer> buffers = plan(config, adapter, microBatch, layers);
    print(config, size, weights, trained, buffers, layers);
    boolean fits = PlannedBuffer.sum(buffers) <= available;
    int largest = largest(config, adapter, available, 0);
    int withoutRecomputation = largest(config, adapter, available, config.numHiddenLayers());
    System.out.printf(
        "largest micro-batch in %.1f GiB: %,d where all layers are computed again, %,d where none is%n",
        size / GIB, largest, withoutRecomputation);
    if (!fits) {
      System.out.printf("a micro-batch of %d does NOT fit%n", microBatch);
      return Tallrec.FAILED;
    }
    System.out.println();
    PlannedStep.of(model, type, config, lora, microBatch, cutoff, layers).print(model, type);
    return 0;
  }

  private Set<Projection> projections() {
    Set<Projection> projections = EnumSet.noneOf(Projection.class);
    for (String target : targets) {
      projections.add(
          Projection.named(target).orElseThrow(() -> wrong("there is no projection " + target)));
    }
    return projections;
  }

  private long bytes(String size) {
    Matcher matcher = SIZE.matcher(size.strip());
    if (!matcher.matches()) {
      throw wrong("--device-memory " + size + ": a number with GiB or GB");
    }
    return (long)
        (Double.parseDouble(matcher.group(1)) * (matcher.group(2).equals("GiB") ? GIB : 1e9));
  }

  /**
   * Most examples of a micro-batch that fit with so many layers kept, and that may be asked for; 0
   * if not even one fits.
   */
  private int largest(LlamaConfig config, PlannedAdapter adapter, long available, int layers) {
    int most = Count.MOST / cutoff;
    int fitting = 0;
    int tooMany = 1;
    while (tooMany <= most && fits(config, adapter, tooMany, layers, available)) {
      fitting = tooMany;
      tooMany *= 2;
    }
    tooMany = Math.min(tooMany, most + 1);
    while (tooMany - fitting > 1) {
      int middle = (fitting + tooMany) / 2;
      if (fits(config, adapter, middle, layers, available)) {
        fitting = middle;
      } else {
        tooMany = middle;
      }
    }
    return fitting;
  }

  private boolean fits(
      LlamaConfig config, PlannedAdapter adapter, int examples, int layers, long available) {
    return PlannedBuffer.sum(plan(config, adapter, examples, layers)) <= available;
  }

  private List<PlannedBuffer> plan(
      LlamaConfig config, PlannedAdapter adapter, int examples, int savedLayers) {
    return Workspace.plan(
        type,
        config,
        adapter,
        WorkspacePlan.forTraining(config, examples * cutoff, examples + 1, savedLayers));
  }

  private void print(
      LlamaConfig config,
      long size,
      long weights,
      long trained,
      List<PlannedBuffer> buffers,
      int layers) {
    Map<String, Long> byLabel = new LinkedHashMap<>();
    for (PlannedBuffer buffer : buffers) {
      byLabel.merge(
          buffer.label().replaceFirst("layer \\d+", "kept layers:"), buffer.bytes(), Long::sum);
    }
    row("frozen weights, " + type, weights);
    row("LoRA masters, gradients, moments, working copy", trained);
    row("cuBLAS workspace", CUBLAS_WORKSPACE);
    row("driver, context and kernels, about", CONTEXT);
    byLabel.forEach(PlanCommand::row);
    long sum = weights + trained + CUBLAS_WORKSPACE + CONTEXT + PlannedBuffer.sum(buffers);
    row("sum", sum);
    row("left for evaluations and others", size - sum);
    System.out.printf(
        "activations of %d of %d layers are kept, those of the others computed again%n",
        layers, config.numHiddenLayers());
  }

  private static void row(String label, long bytes) {
    System.out.printf("%-56s %,16d bytes  %7.3f GiB%n", label, bytes, bytes / GIB);
  }
}
