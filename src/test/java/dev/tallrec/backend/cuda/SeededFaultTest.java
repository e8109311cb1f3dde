package dev.tallrec.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIf;
import org.junit.jupiter.api.io.TempDir;

/**
 * The emulated device finds faults: kernels are built with one each, and must be told apart from
 * good ones.
 */
@EnabledIf(
    value = "dev.tallrec.backend.cuda.EmulatedDriver#isAvailable",
    disabledReason = "the emulated device needs g++ on x86-64")
class SeededFaultTest {

  private static final long MEMORY = 1 << 26;

  private static FaultyBuild emulation;

  @TempDir private Path directory;

  /** The device itself, which has no faults: once for all. */
  @BeforeAll
  static void compileTheDevice(@TempDir Path shared) throws Exception {
    emulation = new FaultyBuild(shared, false);
  }

  /** Builds rms_norm.cu with {@code good} replaced by {@code bad} in one of its files. */
  private Path build(String file, String good, String bad) throws Exception {
    return emulation.build(directory, "rms_norm.cu", file, good, bad);
  }

  /** Largest difference between good attention and one built with a fault; NaN if it made one. */
  private float attentionError(String file, String good, String bad) throws Exception {
    Path library = emulation.build(directory, "attention_forward.cu", file, good, bad);
    float[] faulty = OneKernel.attention(new EmulatedDriver(library, 0, MEMORY));
    float[] right = OneKernel.attention(new EmulatedDriver(0, MEMORY));
    return OneKernel.largestDifference(faulty, right);
  }

  private static float[] good() {
    return OneKernel.rmsNorm(new EmulatedDriver(0, MEMORY));
  }

  @Test
  void aGoodKernelGivesTheSameInAnyOrder() {
    assertThat(OneKernel.rmsNorm(new EmulatedDriver(1, MEMORY))).isEqualTo(good());
  }

  @Test
  void aWrongIndexShows() throws Exception {
    Path library =
        build(
            "rms_norm.cu",
            "* scale * to_float(weights.values[i])",
            "* scale * to_float(weight[first + i + 1])");
    float[] faulty = OneKernel.rmsNorm(new EmulatedDriver(library, 0, MEMORY));
    assertThat(Arrays.equals(faulty, good())).isFalse();
    // The last column was multiplied by what lies behind the weights.
    assertThat(faulty[OneKernel.COLUMNS - 1]).isNaN();
  }

  @Test
  void aMissingBarrierShows() throws Exception {
    Path library =
        build(
            "common.cuh",
            "if (threadIdx.x % WARP == 0) partial[threadIdx.x / WARP] = value;\n  __syncthreads();\n  float total",
            "if (threadIdx.x % WARP == 0) partial[threadIdx.x / WARP] = value;\n  float total");
    float[] forward = OneKernel.rmsNorm(new EmulatedDriver(library, 0, MEMORY));
    float[] backward = OneKernel.rmsNorm(new EmulatedDriver(library, 1, MEMORY));
    assertThat(Arrays.equals(forward, good()) && Arrays.equals(backward, good())).isFalse();
    assertThat(Arrays.equals(forward, backward)).isFalse();
  }

  @Test
  void aWriteBehindTheEndShows() throws Exception {
    Path library = build("rms_norm.cu", "store_chunk(out, first", "store_chunk(out + 1, first");
    assertThatThrownBy(() -> OneKernel.rmsNorm(new EmulatedDriver(library, 0, MEMORY)))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("rms_norm_f32 wrote outside of out");
  }

  @Test
  void aBlockTooManyShows() {
    CudaDriver oneMore =
        new ForwardingDriver(new EmulatedDriver(0, MEMORY)) {
          @Override
          public void launch(String kernel, Grid grid, int threads, Object... arguments) {
            super.launch(kernel, new Grid(grid.x() + 1, grid.y(), grid.z()), threads, arguments);
          }
        };
    assertThatThrownBy(() -> OneKernel.rmsNorm(oneMore))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("wrote outside");
  }

  @Test
  void aBarrierThatSomeThreadsMissShows() throws Exception {
    Path library =
        build(
            "common.cuh",
            "value = warp_sum(value);\n  __syncthreads();",
            "value = warp_sum(value);\n  if (threadIdx.x < 64) __syncwarp();\n  if (threadIdx.x % 2) __syncthreads(); else __syncwarp();");
    assertThatThrownBy(() -> OneKernel.rmsNorm(new EmulatedDriver(library, 0, MEMORY)))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("different barriers");
  }

  private void assertNoVote(String instead, String why) throws Exception {
    String sum = "value = warp_sum(value);\n";
    Path library = build("common.cuh", sum, instead + sum);
    assertThatThrownBy(() -> OneKernel.rmsNorm(new EmulatedDriver(library, 0, MEMORY)))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining(why);
  }

  @Test
  void aLaneThatDoesNotVoteShows() throws Exception {
    assertNoVote(
        "if (threadIdx.x % 32 < 31) value += __ballot_sync(0xffffffffu, true); else __syncwarp();\n",
        "not all lanes");
  }

  @Test
  void aLaneThatShufflesWhileOthersVoteShows() throws Exception {
    assertNoVote(
        "value += threadIdx.x % 32 < 31 ? __ballot_sync(0xffffffffu, true) : __shfl_xor_sync(0xffffffffu, value, 0);\n",
        "not all lanes");
  }

  @Test
  void aVoteOfSomeLanesShows() throws Exception {
    assertNoVote("value += __ballot_sync(0xffffu, true);\n", "less than a warp");
  }

  @Test
  void attentionWithoutAFaultIsTheSame() throws Exception {
    String line = "if (tile + 1 < keys.count) begin(tile + 1);";
    assertThat(attentionError("attention.cuh", line, line)).isZero();
  }

  @Test
  void aTileThatIsNotWaitedForShows() throws Exception {
    String then = "// The tile is there";
    assertThat(attentionError("attention.cuh", "wait_for_copies();\n      " + then, then)).isNaN();
  }

  @Test
  void aTileThatComesTooEarlyShows() throws Exception {
    String then = "if (tile + 1 < keys.count) begin(tile + 1);";
    assertThat(attentionError("attention.cuh", "__syncthreads();\n      " + then, then)).isNaN();
  }

  @Test
  void anOperandThatIsNotTransposedShows() throws Exception {
    assertThat(attentionError("fragments.cuh", "ldmatrix<true>(b,", "ldmatrix<false>(b,"))
        .isGreaterThan(0.1f);
  }

  @Test
  void aWrongRowOfAnOperandShows() throws Exception {
    assertThat(
            attentionError(
                "fragments.cuh",
                "(lane % 8 + lane / 16 * 8) * ROW + lane / 8 % 2 * 8",
                "(lane % 8 + lane / 8 % 2 * 8) * ROW + lane / 16 * 8"))
        .isGreaterThan(0.1f);
  }

  @Test
  void anOperandThatIsNotAlignedShows() {
    assertThatThrownBy(() ->
            attentionError(
                "fragments.cuh",
                "ldmatrix<false>(a, tile + lane % 16 * ROW + lane / 16 * 8)",
                "ldmatrix<false>(a, tile + lane % 16 * ROW + lane / 16 * 4)"))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("not 16-byte aligned");
  }
}
