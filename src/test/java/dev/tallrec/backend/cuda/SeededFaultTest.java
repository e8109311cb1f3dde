package dev.tallrec.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tallrec.backend.AttentionLayout;
import dev.tallrec.backend.Device;
import dev.tallrec.backend.DeviceArena;
import dev.tallrec.backend.Indices;
import dev.tallrec.backend.Matrix;
import dev.tallrec.tensor.DType;
import dev.tallrec.tensor.Shape;
import dev.tallrec.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
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

  private static final Path SOURCES = Path.of("../native-kernels");
  private static final long MEMORY = 1 << 26;
  private static final int ROWS = 3;
  private static final int COLUMNS = 300;
  private static final int QUERIES = 70;

  private static Path emulation;

  @TempDir private Path directory;

  private static void compile(String... arguments) throws Exception {
    List<String> command =
        new ArrayList<>(List.of("g++", "-std=c++17", "-O0", "-fPIC", "-pthread"));
    command.addAll(List.of("-DTALLREC_EMULATION", "-I" + SOURCES.resolve("host")));
    command.addAll(List.of(arguments));
    assertThat(new ProcessBuilder(command).inheritIO().start().waitFor()).isZero();
  }

  /** The device itself, which has no faults: once for all. */
  @BeforeAll
  static void compileTheDevice(@TempDir Path shared) throws Exception {
    emulation = shared.resolve("emulation.o");
    compile("-c", "-o", emulation.toString(), SOURCES.resolve("host/emulation.cpp").toString());
  }

  /** Builds rms_norm.cu with {@code good} replaced by {@code bad} in one of its files. */
  private Path build(String file, String good, String bad) throws Exception {
    return build("rms_norm.cu", file, good, bad);
  }

  private Path build(String kernels, String file, String good, String bad) throws Exception {
    try (Stream<Path> sources = Files.list(SOURCES.resolve("kernels"))) {
      for (Path source : sources.toList()) {
        Files.copy(source, directory.resolve(source.getFileName().toString()));
      }
    }
    Path changed = directory.resolve(file);
    String text = Files.readString(changed);
    assertThat(text).contains(good);
    Files.writeString(changed, text.replace(good, bad));
    Path library = directory.resolve("libfaulty.so");
    compile(
        "-shared",
        "-I" + directory,
        "-o",
        library.toString(),
        emulation.toString(),
        "-x",
        "c++",
        directory.resolve(kernels).toString());
    return library;
  }

  private static float[] rmsNorm(CudaDriver driver) {
    try (Device device = new CudaDevice(driver, DType.F32);
        DeviceArena memory = device.newArena();
        Arena host = Arena.ofShared()) {
      Matrix x = Matrix.allocate(memory, "x", DType.F32, ROWS, COLUMNS);
      Matrix weight = Matrix.allocate(memory, "weight", DType.F32, 1, COLUMNS);
      Matrix out = Matrix.allocate(memory, "out", DType.F32, ROWS, COLUMNS);
      Matrix rstd = Matrix.allocate(memory, "rstd", DType.F32, ROWS, 1);
      MemorySegment values = host.allocate((long) ROWS * COLUMNS * Float.BYTES, 8);
      for (int i = 0; i < ROWS * COLUMNS; i++) {
        values.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) Math.sin(i * i));
      }
      device.upload(values, x.buffer());
      device.upload(values.asSlice(0, (long) COLUMNS * Float.BYTES), weight.buffer());
      device.ops().rmsNorm(x, weight, 1e-5f, out, rstd);
      device.download(out.buffer(), values);
      return values.toArray(ValueLayout.JAVA_FLOAT);
    }
  }

  /** Causal attention of one head of 64 over several tiles of keys, in fp16. */
  private static float[] attention(CudaDriver driver) {
    int headDim = 64;
    try (Device device = new CudaDevice(driver, DType.F16);
        DeviceArena memory = device.newArena();
        Arena host = Arena.ofShared()) {
      Matrix q = Matrix.allocate(memory, "q", DType.F16, QUERIES, headDim);
      Matrix k = Matrix.allocate(memory, "k", DType.F16, QUERIES, headDim);
      Matrix v = Matrix.allocate(memory, "v", DType.F16, QUERIES, headDim);
      Matrix out = Matrix.allocate(memory, "out", DType.F16, QUERIES, headDim);
      Matrix lse = Matrix.allocate(memory, "lse", DType.F32, 1, QUERIES);
      Tensor values =
          Tensor.allocate(host, "values", DType.F16, Shape.of((long) QUERIES * headDim));
      int at = 0;
      for (Matrix matrix : List.of(q, k, v)) {
        for (int i = 0; i < QUERIES * headDim; i++) {
          values.setFloatAt(i, (float) Math.sin(at++ * 1.7 + i * (double) i));
        }
        device.upload(values.segment(), matrix.buffer());
      }
      Indices segment = Indices.allocate(memory, "segment", AttentionLayout.INTS_PER_SEGMENT);
      device.upload(
          host.allocateFrom(ValueLayout.JAVA_INT, 0, QUERIES, 0, 0, 0, 0), segment.buffer());
      AttentionLayout layout =
          new AttentionLayout(segment, 1, QUERIES, QUERIES, QUERIES, QUERIES * (QUERIES + 1) / 2);
      device.ops().attention(q, k, v, layout, headDim, 0.125f, out, lse);
      device.download(out.buffer(), values.segment());
      return values.toFloats();
    }
  }

  /** Largest difference between good attention and one built with a fault; NaN if it made one. */
  private float attentionError(String file, String good, String bad) throws Exception {
    Path library = build("attention_forward.cu", file, good, bad);
    float[] faulty = attention(new EmulatedDriver(library, 0, MEMORY));
    float[] right = attention(new EmulatedDriver(0, MEMORY));
    float largest = 0;
    for (int i = 0; i < right.length; i++) {
      largest = Math.max(largest, Math.abs(faulty[i] - right[i]));
    }
    return largest;
  }

  private static float[] good() {
    return rmsNorm(new EmulatedDriver(0, MEMORY));
  }

  @Test
  void aGoodKernelGivesTheSameInAnyOrder() {
    assertThat(rmsNorm(new EmulatedDriver(1, MEMORY))).isEqualTo(good());
  }

  @Test
  void aWrongIndexShows() throws Exception {
    Path library =
        build(
            "rms_norm.cu",
            "* scale * to_float(weights.values[i])",
            "* scale * to_float(weight[first + i + 1])");
    float[] faulty = rmsNorm(new EmulatedDriver(library, 0, MEMORY));
    assertThat(Arrays.equals(faulty, good())).isFalse();
    // The last column was multiplied by what lies behind the weights.
    assertThat(faulty[COLUMNS - 1]).isNaN();
  }

  @Test
  void aMissingBarrierShows() throws Exception {
    Path library =
        build(
            "common.cuh",
            "if (threadIdx.x % WARP == 0) partial[threadIdx.x / WARP] = value;\n  __syncthreads();\n  float total",
            "if (threadIdx.x % WARP == 0) partial[threadIdx.x / WARP] = value;\n  float total");
    float[] forward = rmsNorm(new EmulatedDriver(library, 0, MEMORY));
    float[] backward = rmsNorm(new EmulatedDriver(library, 1, MEMORY));
    assertThat(Arrays.equals(forward, good()) && Arrays.equals(backward, good())).isFalse();
    assertThat(Arrays.equals(forward, backward)).isFalse();
  }

  @Test
  void aWriteBehindTheEndShows() throws Exception {
    Path library = build("rms_norm.cu", "store_chunk(out, first", "store_chunk(out + 1, first");
    assertThatThrownBy(() -> rmsNorm(new EmulatedDriver(library, 0, MEMORY)))
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
    assertThatThrownBy(() -> rmsNorm(oneMore))
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
    assertThatThrownBy(() -> rmsNorm(new EmulatedDriver(library, 0, MEMORY)))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("different barriers");
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
