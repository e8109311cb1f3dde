package dev.tallrec.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.tallrec.cli.Main;
import dev.tallrec.testing.Fixtures;
import dev.tallrec.testing.JavaProgram;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIf;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The program as on a machine with a GPU, through JCuda and JCublas: in processes of their own,
 * whose loader finds a driver and a cuBLAS that stand in for CUDA's (native-kernels/stand-in). They
 * do as little as CUDA may and refuse what it would.
 */
@EnabledIf(
    value = "isAvailable",
    disabledReason = "needs nvcc, and g++ on x86-64, when the kernels are built")
class StandInGpuTest {

  private static final Duration PATIENCE = Duration.ofMinutes(2);
  private static final Path PLACES =
      EmulatedDriver.library().toAbsolutePath().resolveSibling("stand-in");
  private static final String CUDA_12 = "cuda12";
  private static final long CUBLAS_WORKSPACE = 32L << 20;
  private static final String NOTHING_LEFT =
      "stand-in: left 0 allocations, 0 pinned, 0 events, 0 modules, 0 streams, 0 not done";

  @TempDir private Path directory;

  static boolean isAvailable() {
    return Files.isDirectory(PLACES)
        && StandInGpuTest.class.getResource("kernels.txt") != null
        && Files.exists(PLACES.resolve(CUDA_12));
  }

  /** What a process said, and how it ended. */
  private record Outcome(int code, String output) {}

  /**
   * {@code verify} of a fixture, computing in {@code type}, where there is that version of CUDA.
   */
  private Outcome verify(String cuda, Map<String, String> environment, String type, String fixture)
      throws IOException, InterruptedException {
    return run(
        cuda,
        environment,
        "verify",
        "--device",
        "cuda",
        "--compute-type",
        type,
        Fixtures.golden(fixture).toString());
  }

  private Outcome run(String cuda, Map<String, String> environment, String... arguments)
      throws IOException, InterruptedException {
    List<String> command =
        JavaProgram.command(
            List.of(
                "--add-modules=jdk.incubator.vector",
                "--enable-native-access=ALL-UNNAMED",
                "-XX:+UseSerialGC"),
            Main.class,
            List.of(arguments));
    Path log = Files.createTempFile(directory, "output", ".txt");
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile());
    builder.environment().put("LD_LIBRARY_PATH", PLACES.resolve(cuda).toString());
    builder.environment().putAll(environment);
    Process process = builder.start();
    return new Outcome(
        JavaProgram.end(process, PATIENCE), Files.readString(log, StandardCharsets.UTF_8));
  }

  @ParameterizedTest
  @CsvSource({"F32, A_mha_qv", "F16, C_fp16_sharded_headdim", "BF16, B_gqa_all_tied"})
  void computesWhatPyTorchDoes(String type, String fixture) throws Exception {
    Outcome outcome = verify(CUDA_12, Map.of(), type, fixture);
    assertThat(outcome.output)
        .contains("stand-in, compute capability 8.6", "cuBLAS 120600", "machine code")
        .contains(NOTHING_LEFT);
    assertThat(outcome.code).as(outcome.output).isZero();
  }

  @Test
  void takesTheNextCublasWhereTheFirstDoesNotLoad() throws Exception {
    Files.writeString(directory.resolve("libcublas.so.12"), "no library");
    String path = directory + ":" + PLACES.resolve(CUDA_12);
    Outcome outcome = verify(CUDA_12, Map.of("LD_LIBRARY_PATH", path), "F16", "A_mha_qv");
    assertThat(outcome.output)
        .contains("(" + PLACES.resolve(CUDA_12).resolve("libcublas.so.12") + ")");
    assertThat(outcome.code).as(outcome.output).isZero();
  }

  @Test
  void takesCuda13BehindTheForwarder() throws Exception {
    assumeTrue(
        CublasLibrary.find(CublasLibrary.places(null, null, null), "libcublas.so.12").isEmpty(),
        "a cuBLAS 12 of this machine's own would be taken");
    Outcome outcome = verify("cuda13", Map.of(), "F16", "A_mha_qv");
    assertThat(outcome.output).contains("libcublas.so.13, forwarded", NOTHING_LEFT);
    assertThat(outcome.code).as(outcome.output).isZero();
  }

  @Test
  void takesPtxWhereTheDriverRefusesMachineCode() throws Exception {
    Outcome outcome =
        verify(CUDA_12, Map.of("TALLREC_STAND_IN_REFUSE_BINARIES", "1"), "F16", "A_mha_qv");
    assertThat(outcome.output).contains("kernels from PTX: activations", NOTHING_LEFT);
    assertThat(outcome.code).as(outcome.output).isZero();
  }

  /** Of the R470 series, and so older than any CUDA that compiles the kernels. */
  @Test
  void takesPtxWhereTheDriverIsOlderThanTheCompiler() throws Exception {
    Outcome outcome =
        verify(CUDA_12, Map.of("TALLREC_STAND_IN_DRIVER", "11040"), "F16", "A_mha_qv");
    assertThat(outcome.output)
        .contains("driver for CUDA 11.4", "kernels from PTX: activations attention", NOTHING_LEFT);
    assertThat(outcome.code).as(outcome.output).isZero();
  }

  @ParameterizedTest
  @CsvSource({
    "context, the GPU is full: CUDA_ERROR_OUT_OF_MEMORY",
    "module, the GPU is full: CUDA_ERROR_OUT_OF_MEMORY",
    "cublas, libcublas.so.12) does not start: CUBLAS_STATUS_ALLOC_FAILED. Of the GPU's memory"
  })
  void saysThatTheGpuIsFullWhateverHasNoRoom(String what, String message) throws Exception {
    Outcome outcome =
        run(CUDA_12, Map.of("TALLREC_STAND_IN_FULL_AT", what), "info", "--device", "cuda");
    assertThat(outcome.output)
        .contains(message, "nvidia-smi shows who uses")
        .doesNotContain("PTX", "Does nvidia-smi work");
    assertThat(outcome.code).as(outcome.output).isEqualTo(1);
  }

  @Test
  void infoShowsTheGpuByAProductThatFitsItsMemory() throws Exception {
    Map<String, String> memory =
        Map.of("TALLREC_STAND_IN_MEMORY", Long.toString(CUBLAS_WORKSPACE + (8L << 20)));
    Outcome outcome = run(CUDA_12, memory, "info", "--device", "cuda");
    assertThat(outcome.output)
        .contains("stand-in, compute capability 8.6", "product of 512 x 512 x 512", NOTHING_LEFT)
        .doesNotContain("CPU, ");
    assertThat(outcome.code).as(outcome.output).isZero();
    outcome = run(CUDA_12, memory, "info", "--device", "cuda", "--gpu", "1");
    assertThat(outcome.output).contains("there is no CUDA device 1: 1 are here");
    assertThat(outcome.code).as(outcome.output).isEqualTo(1);
  }

  @Test
  void saysWhatDoesNotFit() throws Exception {
    long hardlyMoreThanTheWorkspace = CUBLAS_WORKSPACE + (64 << 10);
    Outcome outcome =
        verify(
            CUDA_12,
            Map.of("TALLREC_STAND_IN_MEMORY", Long.toString(hardlyMoreThanTheWorkspace)),
            "F16",
            "A_mha_qv");
    assertThat(outcome.output).contains("needs ", " bytes, ", " are free").contains(NOTHING_LEFT);
    assertThat(outcome.code).as(outcome.output).isEqualTo(1);
  }

  @Test
  void theCpuStandsInForAFullGpuAndSaysSoButNotForOneThatIsNamed() throws Exception {
    Map<String, String> full = Map.of("TALLREC_STAND_IN_MEMORY", Integer.toString(1 << 20));
    String fixture = Fixtures.golden("A_mha_qv").toString();
    Outcome onCpu = run(CUDA_12, full, "verify", fixture);
    assertThat(onCpu.output)
        .contains("no GPU, the CPU stands in: the GPU is full", "CPU, ", "all within tolerance");
    assertThat(onCpu.code).as(onCpu.output).isZero();
    Outcome named = run(CUDA_12, full, "verify", "--gpu", "0", fixture);
    assertThat(named.output).contains("the GPU is full").doesNotContain("CPU, ");
    assertThat(named.code).as(named.output).isEqualTo(1);
    assertThat(run(CUDA_12, Map.of(), "verify", "--gpu", "3", fixture).output)
        .contains("no CUDA device 3");
  }
}
