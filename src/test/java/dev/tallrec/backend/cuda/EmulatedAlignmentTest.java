package dev.tallrec.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tallrec.backend.AdamWStep;
import dev.tallrec.backend.AttentionLayout;
import dev.tallrec.backend.Buffer;
import dev.tallrec.backend.Device;
import dev.tallrec.backend.DeviceArena;
import dev.tallrec.backend.Dropout;
import dev.tallrec.backend.Indices;
import dev.tallrec.backend.Matrix;
import dev.tallrec.backend.RopeTable;
import dev.tallrec.tensor.DType;
import dev.tallrec.tensor.Shape;
import dev.tallrec.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Kernels give the same bits whether rows are loaded in 16-byte chunks or one by one. */
@ParameterizedClass
@EnumSource
class EmulatedAlignmentTest {

  private static final long MEMORY = 1 << 26;
  private static final int ROWS = 3;
  private static final int RANK = 9;
  // LoRA's gradients take eight rows at a time.
  private static final int LORA_ROWS = 11;
  // The first is padded, the second fills a kernel's columns.
  private static final int[] HEAD_DIMS = {24, 16};
  private static final float EPSILON = 1e-5f;

  private final KernelBuild build;

  EmulatedAlignmentTest(KernelBuild build) {
    build.assume();
    this.build = build;
  }

  /**
   * Matrices that begin at a certain element of their memory.
   *
   * @param shift elements before the first one
   * @param gap elements between two rows, beside those to the next multiple of 16 bytes
   */
  private record Layout(int shift, int gap) {
    static final Layout ALIGNED = new Layout(0, 0);

    // Multiples of 8 elements are multiples of 16 bytes in every type.
    int stride(int columns) {
      return columns / 8 * 8 + 8 + gap;
    }
  }

  /** All row operations on the same numbers, which lie as {@code layout} says. */
  private static final class Run {
    private final Device device;
    private final DeviceArena memory;
    private final Arena host;
    private final Layout layout;
    private final int columns;
    private final SplittableRandom random = new SplittableRandom(5);
    private final List<float[]> results = new ArrayList<>();

    Run(Device device, DeviceArena memory, Arena host, Layout layout, int columns) {
      this.device = device;
      this.memory = memory;
      this.host = host;
      this.layout = layout;
      this.columns = columns;
    }

    private Matrix random(int rows) {
      return random(device.computeType(), rows, columns);
    }

    private Matrix random(DType type, int rows, int columns) {
      int stride = layout.stride(columns);
      Tensor values = Tensor.allocate(host, "", type, Shape.of(layout.shift + rows * stride));
      for (int row = 0; row < rows; row++) {
        for (int column = 0; column < columns; column++) {
          long at = layout.shift + (long) row * stride + column;
          values.setFloatAt(at, (float) (4 * random.nextDouble() - 2));
        }
      }
      Buffer buffer = memory.allocate(values.segment().byteSize(), "matrix");
      device.upload(values.segment(), buffer);
      return new Matrix(buffer, type, layout.shift, rows, columns, stride);
    }

    private void keep(Matrix matrix) {
      Tensor all =
          Tensor.allocate(
              host,
              "",
              matrix.dtype(),
              Shape.of(matrix.buffer().byteSize() / matrix.dtype().byteSize()));
      device.download(matrix.buffer(), all.segment());
      float[] values = new float[matrix.rows() * matrix.columns()];
      for (int i = 0; i < values.length; i++) {
        long row = i / matrix.columns();
        values[i] = all.floatAt(matrix.offset() + row * matrix.stride() + i % matrix.columns());
      }
      results.add(values);
    }

    List<float[]> results() {
      Matrix x = random(ROWS);
      Matrix y = random(ROWS);
      Matrix dx = random(ROWS);
      Matrix weight = random(1);
      Matrix sum = random(ROWS);
      Matrix out = random(ROWS);
      Matrix rstd = Matrix.allocate(memory, "rstd", DType.F32, ROWS, 1);
      device.ops().rmsNorm(x, weight, EPSILON, out, rstd);
      keep(out);
      keep(rstd);
      device.ops().rmsNormBackward(y, x, weight, rstd, dx);
      keep(dx);
      device.ops().addRmsNorm(x, y, weight, EPSILON, sum, out, rstd);
      keep(sum);
      keep(out);
      device.ops().swiglu(x, y, out);
      keep(out);
      device.ops().add(x, out);
      keep(out);
      device.ops().swigluBackward(out, x, y, x, y);
      keep(x);
      keep(y);
      moves(x, y, out);
      loss(x);
      optimizer();
      lora();
      for (int headDim : HEAD_DIMS) {
        attention(headDim);
      }
      return results;
    }

    private Indices indices(int... values) {
      Indices indices = Indices.allocate(memory, "indices", values.length);
      device.upload(host.allocateFrom(ValueLayout.JAVA_INT, values), indices.buffer());
      return indices;
    }

    private void moves(Matrix x, Matrix y, Matrix out) {
      Indices rows = indices(2, 0, 1);
      device.ops().gatherRows(x, rows, out);
      keep(out);
      device.ops().scatterAddRows(y, rows, out);
      keep(out);
      for (DType type : List.of(DType.F32, DType.F16, DType.BF16)) {
        Matrix copy = random(type, ROWS, columns);
        device.ops().copy(x, copy);
        keep(copy);
        device.ops().copy(copy, out);
        keep(out);
      }
      device.ops().fill(out, 0.3f);
      keep(out);
      int headDim = columns % 2 == 0 ? columns / 2 : 2;
      int even = columns / headDim * headDim;
      Matrix cos = random(DType.F32, ROWS, headDim / 2);
      Matrix sin = random(DType.F32, ROWS, headDim / 2);
      device.ops().rope(x.columns(0, even), rows, new RopeTable(cos, sin), false);
      keep(x);
    }

    private void loss(Matrix logits) {
      Indices tokens = indices(columns - 1, 0, 5);
      Matrix weights = random(DType.F32, ROWS, 1);
      Matrix losses = random(DType.F32, ROWS, 1);
      Matrix probabilities = random(DType.F32, ROWS, 3);
      device.ops().tokenProbabilities(logits, tokens, probabilities);
      keep(probabilities);
      device.ops().crossEntropy(logits, tokens, weights, 2, losses, logits);
      keep(losses);
      keep(logits);
    }

    private void optimizer() {
      Matrix weights = random(DType.F32, 1, columns);
      Matrix gradients = random(DType.F32, 1, columns);
      Matrix first = random(DType.F32, 1, columns);
      Matrix second = random(DType.F32, 1, columns);
      Matrix copy = random(1);
      device.ops().fill(second, 0.2f);
      AdamWStep step = new AdamWStep(1e-2f, 0.9, 0.999, 1e-8f, 0.01f, 1, 0.5f);
      device.ops().adamW(weights, gradients, first, second, copy, step);
      keep(weights);
      keep(first);
      keep(second);
      keep(copy);
      results.add(new float[] {(float) device.ops().sumOfSquares(weights)});
    }

    private void lora() {
      Matrix x = random(LORA_ROWS);
      int out = 21;
      Matrix a = random(device.computeType(), RANK, columns);
      Matrix b = random(device.computeType(), out, RANK);
      Matrix u = random(device.computeType(), LORA_ROWS, RANK);
      Matrix du = random(device.computeType(), LORA_ROWS, RANK);
      Matrix y = random(device.computeType(), LORA_ROWS, out);
      Matrix da = random(DType.F32, RANK, columns);
      Matrix db = random(DType.F32, out, RANK);
      Matrix dx = random(LORA_ROWS);
      Dropout dropout = new Dropout(0.3f, 7, 1);
      device.ops().lora(x, a, b, 1.5f, dropout, u, y);
      keep(u);
      keep(y);
      device.ops().loraBackward(y, x, u, a, b, 1.5f, dropout, du, da, db, dx);
      keep(da);
      keep(db);
      keep(dx);
    }

    private void attention(int headDim) {
      int rows = 37;
      Matrix q = random(device.computeType(), rows, 2 * headDim);
      Matrix k = random(device.computeType(), rows, headDim);
      Matrix v = random(device.computeType(), rows, headDim);
      Matrix out = random(device.computeType(), rows, 2 * headDim);
      Matrix lse = random(DType.F32, 2, rows);
      AttentionLayout layout =
          new AttentionLayout(
              indices(0, rows, 0, 0, 0, 0), 1, rows, rows, rows, rows * (rows + 1) / 2);
      device.ops().attention(q, k, v, layout, headDim, 0.3f, out, lse);
      keep(out);
      keep(lse);
      Matrix dout = random(device.computeType(), rows, 2 * headDim);
      Matrix delta = random(DType.F32, 2, rows);
      Matrix dq = random(device.computeType(), rows, 2 * headDim);
      Matrix dk = random(device.computeType(), rows, headDim);
      Matrix dv = random(device.computeType(), rows, headDim);
      device
          .ops()
          .attentionBackward(q, k, v, out, dout, lse, layout, headDim, 0.3f, delta, dq, dk, dv);
      keep(dq);
      keep(dk);
      keep(dv);
      Indices positions = indices(IntStream.range(0, rows).map(row -> rows - 1 - row).toArray());
      RopeTable table =
          new RopeTable(random(DType.F32, rows, headDim / 2), random(DType.F32, rows, headDim / 2));
      device
          .ops()
          .ropeAttentionBackward(
              q, k, v, out, dout, lse, layout, headDim, 0.3f, delta, positions, positions, table,
              dq, dk, dv);
      keep(dq);
      keep(dk);
    }
  }

  private List<float[]> run(DType type, int columns, Layout layout) {
    try (Device device = new CudaDevice(build.driver(0, MEMORY), type);
        DeviceArena memory = device.newArena();
        Arena host = Arena.ofShared()) {
      return new Run(device, memory, host, layout, columns).results();
    }
  }

  @ParameterizedTest
  @CsvSource({
    "F32, 64",
    "F32, 83",
    "F32, 2051",
    "F16, 64",
    "F16, 83",
    "F16, 4103",
    "BF16, 64",
    "BF16, 83",
    "BF16, 4103"
  })
  void alignmentDoesNotChangeABit(DType type, int columns) {
    List<float[]> aligned = run(type, columns, Layout.ALIGNED);
    // Every row off; every row another way; the first row aligned, others not.
    for (Layout layout : List.of(new Layout(1, 0), new Layout(3, 5), new Layout(0, 1))) {
      List<float[]> other = run(type, columns, layout);
      assertThat(other).hasSameSizeAs(aligned);
      for (int i = 0; i < aligned.size(); i++) {
        assertThat(other.get(i)).as("result %d, %s", i, layout).isEqualTo(aligned.get(i));
      }
    }
  }
}
