package dev.tallrec.cli;

import static dev.tallrec.cli.Outcome.run;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.tallrec.testing.Fixtures;
import dev.tallrec.testing.OneDnnLibrary;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Which device computes, in which type, and where its time goes. */
class DeviceCommandsTest {

  @TempDir private Path directory;

  @Test
  void profilesAStep() throws IOException {
    Path trace = directory.resolve("trace.json");
    Outcome outcome = run("profile", "--examples", 2, "--trace", trace).succeeded();
    assertThat(outcome.out()).contains("ropeAttentionBackward", "linear", "GFLOP/s", "tokens/s");
    assertThat(outcome.out()).containsPattern("rmsNormBackward .* GB/s +[0-9.]+%");
    assertThat(outcome.out()).doesNotContain("GPU");
    assertThat(new JsonMapper().readTree(trace.toFile()).path("traceEvents"))
        .hasSizeGreaterThan(50);
  }

  @Test
  void infoFailsForWantOfAGpuOnlyWhereOneIsAskedFor() {
    int none = 999;
    assertThat(run("info", "--gpu", none).succeeded().out())
        .contains("CPU, ", "GiB free", "TFLOP/s in a product of ", "no GPU: ");
    assertThat(run("info", "--gpu", none, "--device", "cuda").failed("tallrec: ").out())
        .doesNotContain("CPU, ", "no GPU: ");
    assertThat(run("info", "--gpu", none, "--device", "cpu").succeeded().out())
        .contains("CPU, ")
        .doesNotContain("no GPU: ");
  }

  @Test
  void computesOnTheCpuInF32OrBF16Alone() {
    Path missing = directory.resolve("libdnnl.so.3");
    Object[] generate = {"generate", "--prompt", "Star Wars", "--tokens", 2, "--device", "cpu"};
    run(with(generate, "--compute-type", "F16")).misused("F16 is for GPUs");
    run(with(generate, "--compute-type", "I32")).misused("F16, BF16 or F32");
    run(with(generate, "--onednn", missing)).misused("--compute-type BF16");
    run("profile", "--device", "cpu", "--compute-type", "F16").misused("F16 is for GPUs");
    run(with(generate, "--compute-type", "F32")).succeeded();
    run(with(generate, "--compute-type", "BF16", "--onednn", missing))
        .failed(missing.toString(), "not a file");
  }

  @Test
  void computesInBF16OnTheCpuWhereAsked() {
    Object[] bFloat16 = {
      "--device", "cpu", "--compute-type", "BF16", "--onednn", OneDnnLibrary.file()
    };
    assertThat(run(with(new Object[] {"profile", "--examples", 2}, bFloat16)).succeeded().out())
        .contains("products with frozen weights in BF16 by oneDNN");
    assertThat(
            run(with(new Object[] {"verify", Fixtures.golden("C_fp16_sharded_headdim")}, bFloat16))
                .succeeded()
                .out())
        .contains("all within tolerance");
  }

  private static Object[] with(Object[] arguments, Object... more) {
    return Stream.concat(Arrays.stream(arguments), Arrays.stream(more)).toArray();
  }
}
