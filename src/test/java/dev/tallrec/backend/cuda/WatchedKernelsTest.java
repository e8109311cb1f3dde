package dev.tallrec.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tallrec.backend.Device;
import dev.tallrec.backend.cpu.CpuDevice;
import dev.tallrec.llama.LlamaConfig;
import dev.tallrec.llama.LlamaConfigReader;
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
import dev.tallrec.verify.Check;
import dev.tallrec.verify.ops.OpsCase;
import dev.tallrec.verify.ops.OpsVerification;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIf;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What the kernels do with memory, access by access. */
@EnabledIf(
    value = "dev.tallrec.backend.cuda.EmulatedDriver#isAvailable",
    disabledReason = "the emulated device needs g++ on x86-64")
class WatchedKernelsTest {

  private static final long MEMORY = 1L << 30;
  private static final int LENGTH = 100;

  /** LLaMA-7B's heads and rows of whole chunks, narrower and of one layer. */
  private static final String CONFIG =
      """
      {"model_type": "llama", "hidden_size": 1024, "intermediate_size": 2752, "num_attention_heads": 8,
       "num_hidden_layers": 1, "vocab_size": 32000, "rms_norm_eps": 1e-5, "hidden_act": "silu",
       "max_position_embeddings": 512}
      """;

  private static FaultyBuild watched;

  @TempDir private Path directory;

  @BeforeAll
  static void compileTheDevice(@TempDir Path shared) throws Exception {
    watched = new FaultyBuild(shared, true);
  }

  @ParameterizedTest
  @EnumSource(
      value = DType.class,
      names = {"F32", "F16"})
  void noTwoThreadsTouchTheSameMemoryUnordered(DType type) {
    CudaDriver driver = new WatchedDriver(WatchedDriver.library(), MEMORY, true);
    try (Device device = new CudaDevice(driver, type);
        Device reference = new CpuDevice(2)) {
      assertThat(OpsVerification.run(reference, device, OpsCase.odd(), begun -> {}))
          .allMatch(Check::passed);
    }
  }

  /** Runs causal attention built with a fault. */
  private List<WatchedDriver.Traffic> attention(String file, String good, String bad)
      throws Exception {
    Path library = watched.build(directory, "attention_forward.cu", file, good, bad);
    WatchedDriver driver = new WatchedDriver(library, MEMORY, true);
    OneKernel.attention(driver);
    return driver.traffic();
  }

  /** Runs RMSNorm built with a fault in what all kernels share. */
  private void rmsNorm(String good, String bad) throws Exception {
    Path library = watched.build(directory, "rms_norm.cu", "common.cuh", good, bad);
    OneKernel.rmsNorm(new WatchedDriver(library, MEMORY, true));
  }

  private static double turns(List<WatchedDriver.Traffic> traffic) {
    return KernelUsage.of(traffic).shared().ratio();
  }

  @Test
  void aMissingBarrierShows() {
    assertThatThrownBy(() ->
            rmsNorm(
                "partial[threadIdx.x / WARP] = value;\n  __syncthreads();",
                "partial[threadIdx.x / WARP] = value;"))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("rms_norm_f32: ")
        .hasMessageContaining("shared memory");
  }

  @Test
  void aMissingBarrierOfAWarpShows() {
    assertThatThrownBy(() ->
            attention(
                "attention.cuh", "  __syncwarp();\n  for (int i = lane;", "  for (int i = lane;"))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("attention_forward_f16_64: ")
        .hasMessageContaining("in no order");
  }

  @Test
  void aTileThatComesTooEarlyShows() {
    String then = "if (tile + 1 < keys.count) begin(tile + 1);";
    assertThatThrownBy(() -> attention("attention.cuh", "__syncthreads();\n      " + then, then))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("shared memory");
  }

  @Test
  void sharedMemoryThatNobodyWroteShows() {
    assertThatThrownBy(() ->
            rmsNorm(
                "warp < (int)blockDim.x / WARP; warp++) total",
                "warp <= (int)blockDim.x / WARP; warp++) total"))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("reads shared memory that nobody has written");
  }

  @Test
  void blocksThatWriteTheSameShow() {
    CudaDriver driver =
        new ForwardingDriver(new WatchedDriver(WatchedDriver.library(), MEMORY, true)) {
          @Override
          public void launch(String kernel, Grid grid, int threads, Object... arguments) {
            super.launch(kernel, new Grid(grid.x(), 2, grid.z()), threads, arguments);
          }
        };
    assertThatThrownBy(() -> OneKernel.rmsNorm(driver))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("writes global memory that thread")
        .hasMessageContaining("of block 0 writes, in no order");
  }

  @Test
  void rowsInTheSameBanksShow() throws Exception {
    String row = "static constexpr int ROW = D + 16 / sizeof(T);";
    assertThat(turns(attention("attention.cuh", row, "static constexpr int ROW = D;")))
        .isGreaterThan(3);
  }

  @Test
  void rowsApartDoNotMeetInBanks() throws Exception {
    String row = "static constexpr int ROW = D + 16 / sizeof(T);";
    assertThat(turns(attention("attention.cuh", row, row))).isLessThan(1.01);
  }

  /** What a kernel's requests came to, in all. */
  private record Usage(long requests, long pieces, long leastPieces) {
    static Usage of(List<WatchedDriver.Traffic> traffic) {
      return new Usage(
          traffic.stream().mapToLong(WatchedDriver.Traffic::requests).sum(),
          traffic.stream().mapToLong(WatchedDriver.Traffic::pieces).sum(),
          traffic.stream().mapToLong(WatchedDriver.Traffic::leastPieces).sum());
    }

    double ratio() {
      return leastPieces == 0 ? 1 : pieces / (double) leastPieces;
    }

    String cells() {
      return requests == 0
          ? " | | |"
          : String.format(Locale.ROOT, " %,d | %,d | %.2f |", requests, pieces, ratio());
    }
  }

  private record KernelUsage(Usage global, Usage shared) {
    static KernelUsage of(List<WatchedDriver.Traffic> traffic) {
      return new KernelUsage(
          Usage.of(traffic.stream().filter(one -> !one.isShared()).toList()),
          Usage.of(traffic.stream().filter(WatchedDriver.Traffic::isShared).toList()));
    }
  }

  private static Map<String, KernelUsage> byKernel(List<WatchedDriver.Traffic> traffic) {
    return traffic.stream()
        .collect(
            Collectors.groupingBy(
                WatchedDriver.Traffic::kernel,
                TreeMap::new,
                Collectors.collectingAndThen(Collectors.toList(), KernelUsage::of)));
  }

  /** The table of benchmarks/results/kernels-memory.md, below target/. */
  private static void write(Map<String, KernelUsage> usages) throws IOException {
    List<String> lines = new ArrayList<>();
    lines.add(
        "| Kernel | Global requests | Sectors | of the least | Shared requests | Turns | of the least |");
    lines.add("|---|--:|--:|--:|--:|--:|--:|");
    usages.forEach((kernel, usage) ->
        lines.add("| " + kernel + " |" + usage.global().cells() + usage.shared().cells()));
    Files.write(Path.of("target/kernels-memory.md"), lines);
  }

  @Test
  void aStepTouchesLittleMoreMemoryThanItNeeds() throws IOException {
    Files.writeString(directory.resolve("config.json"), CONFIG);
    LlamaConfig config = LlamaConfigReader.read(directory);
    WatchedDriver driver = new WatchedDriver(WatchedDriver.library(), MEMORY, false);
    TokenBatch batch = new TokenBatch(2 * LENGTH, 3);
    boolean[] isLabel = new boolean[LENGTH];
    Arrays.fill(isLabel, 1, LENGTH, true);
    for (int row = 0; row < 2; row++) {
      batch.addExample(new int[LENGTH], isLabel, 0, LENGTH, TokenBatch.NO_PREFIX, 1);
    }
    try (Device device = new CudaDevice(driver, DType.F16);
        PlannedWeights source = new PlannedWeights(config, DType.F16);
        LlamaWeights weights = LlamaWeights.load(device, config, source);
        LoraAdapter adapter = LoraAdapter.initial(config, LoraConfig.paper(), 0);
        LoraParameters parameters = new LoraParameters(device, config, adapter);
        AdamW optimizer = new AdamW(device, parameters, AdamWSettings.withDecay(0));
        Workspace workspace =
            new Workspace(
                device, config, parameters, WorkspacePlan.forTraining(config, 2 * LENGTH, 3, 1))) {
      new LlamaNetwork(device, weights).lossAndGradients(workspace, batch, 1, 0.05f, 0);
      optimizer.step(1e-4, 1, 1);
    }
    Map<String, KernelUsage> usages = byKernel(driver.traffic());
    write(usages);
    assertThat(usages).hasSizeGreaterThan(20);
    // Neighbouring loads of a thread share sectors in some kernels, which a cache sees and this
    // does not.
    assertThat(usages.values()).allMatch(usage -> usage.global().ratio() < 2.1);
    assertThat(usages.values()).allMatch(usage -> usage.shared().ratio() < 1.05);
    assertThat(usages)
        .extractingByKey("attention_forward_f16_128")
        .satisfies(usage -> assertThat(usage.shared().requests()).isGreaterThan(10_000));
  }
}
