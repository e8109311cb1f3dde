package dev.tallrec.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Path;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Faults of what only a device's compiler sees, the instructions that are written out in the
 * kernels: causal attention in fp16 is built with one each, and told apart from good attention.
 */
class SeededPtxFaultTest {

  private static final long MEMORY = 1 << 26;

  private static FaultyBuild emulation;

  @TempDir private Path directory;

  @BeforeAll
  static void compileTheDevice(@TempDir Path shared) throws Exception {
    KernelBuild.NVCC.assume();
    emulation = new FaultyBuild(shared, false);
  }

  private float[] attention(String good, String bad) throws Exception {
    Path library = emulation.buildPtx(directory, "attention_forward.ptx", good, bad);
    return OneKernel.attention(new EmulatedDriver(library, 0, MEMORY));
  }

  /** Largest difference between good attention and one built with a fault; NaN if it made one. */
  private float error(String good, String bad) throws Exception {
    float[] faulty = attention(good, bad);
    float[] right = OneKernel.attention(KernelBuild.NVCC.driver(0, MEMORY));
    return OneKernel.largestDifference(faulty, right);
  }

  private void assertFails(String good, String bad, String why) {
    assertThatThrownBy(() -> attention(good, bad))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("attention_forward_f16_64: ")
        .hasMessageContaining(why);
  }

  @Test
  void withoutAFaultItIsTheSame() throws Exception {
    assertThat(error("bar.sync", "bar.sync")).isZero();
  }

  @Test
  void itIsNearlyWhatTheSourceGives() {
    float[] compiled = OneKernel.attention(KernelBuild.NVCC.driver(0, MEMORY));
    float[] source = OneKernel.attention(KernelBuild.GCC.driver(0, MEMORY));
    for (int i = 0; i < source.length; i++) {
      assertThat(compiled[i]).isCloseTo(source[i], within(2e-3f));
    }
  }

  @Test
  void exchangedRegistersOfAnOperandShow() throws Exception {
    assertThat(
            error(
                "(mma.*?\\}, \\{%r\\d+,)(%r\\d+),(%r\\d+)(,%r\\d+\\}, \\{%r\\d+,%r\\d+\\})",
                "$1$3,$2$4"))
        .isGreaterThan(0.1f);
  }

  @Test
  void exchangedHalvesShow() throws Exception {
    assertThat(error("(cvt.rn.f16x2.f32 %r\\d+), (%f\\d+), (%f\\d+)", "$1, $3, $2"))
        .isGreaterThan(0.1f);
  }

  @Test
  void anOperandThatIsNotTransposedShows() throws Exception {
    assertThat(error("x4.trans.shared", "x4.shared")).isGreaterThan(0.1f);
  }

  @Test
  void aMissingWaitShows() throws Exception {
    assertThat(error("cp.async.wait_all;", "")).isNaN();
  }

  @Test
  void anAddressThatIsNotAlignedShows() {
    assertFails("(ldmatrix[^;]*\\[%r\\d+)\\]", "$1+8]", "not aligned");
  }

  @Test
  void anAddressBehindSharedMemoryShows() {
    assertFails("(ldmatrix[^;]*\\[%r\\d+)\\]", "$1+40960]", "where the kernel has none");
  }

  @Test
  void lanesAtDifferentInstructionsShow() {
    // Half of a block's first warp leaves out the first product.
    assertFails(
        "(?s)\\A(.* attention_forward_f16_64\\(.*?)(mma\\.sync[^;]*;)",
        """
        $1{ .reg .b32 %thread;
        .reg .pred %is_early;
        mov.u32 %thread, %tid.x;
        setp.lt.u32 %is_early, %thread, 16;
        @%is_early bra \\$BEHIND; }
        $2
        \\$BEHIND:
        """,
        "not at the same instruction");
  }
}
