package dev.tallrec.testing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.tallrec.backend.AttentionLayout;
import dev.tallrec.backend.DeviceArena;
import dev.tallrec.backend.Dropout;
import dev.tallrec.backend.FrozenLinear;
import dev.tallrec.backend.Indices;
import dev.tallrec.backend.Matrix;
import dev.tallrec.backend.Ops;
import dev.tallrec.backend.RopeTable;
import dev.tallrec.tensor.DType;
import dev.tallrec.tensor.Shape;
import dev.tallrec.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.DoubleSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * Every backward operation of the reference against finite differences of its forward operation.
 */
class ReferenceOpsTest {

  private static final double STEP = 1e-2;

  private final ReferenceDevice device = new ReferenceDevice();
  private final DeviceArena memory = device.newArena();
  private final Arena host = Arena.ofShared();
  private final Ops ops = device.ops();
  private final SplittableRandom random = new SplittableRandom(5);

  @AfterEach
  void close() {
    memory.close();
    host.close();
  }

  private Matrix random(int rows, int columns) {
    Matrix matrix = Matrix.allocate(memory, "", DType.F32, rows, columns);
    for (int i = 0; i < rows * columns; i++) {
      segment(matrix).setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) (2 * random.nextDouble() - 1));
    }
    return matrix;
  }

  private Matrix zeros(Matrix like) {
    return Matrix.allocate(memory, "", DType.F32, like.rows(), like.columns());
  }

  private static MemorySegment segment(Matrix matrix) {
    return ((ReferenceDevice.Memory) matrix.buffer()).segment();
  }

  private static float get(Matrix matrix, int index) {
    return segment(matrix).getAtIndex(ValueLayout.JAVA_FLOAT, index);
  }

  private Indices indices(int... values) {
    Indices indices = Indices.allocate(memory, "", values.length);
    device.upload(host.allocateFrom(ValueLayout.JAVA_INT, values), indices.buffer());
    return indices;
  }

  /** Sum of out * weights: a loss whose gradient at out is weights. */
  private static double loss(Matrix out, Matrix weights) {
    double sum = 0;
    for (int i = 0; i < out.elementCount(); i++) {
      sum += (double) get(out, i) * get(weights, i);
    }
    return sum;
  }

  /** Central differences of {@code loss} by every element of x, against {@code gradient}. */
  private static void check(Matrix x, Matrix gradient, DoubleSupplier loss) {
    for (int i = 0; i < x.elementCount(); i++) {
      float value = get(x, i);
      segment(x).setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) (value + STEP));
      double above = loss.getAsDouble();
      segment(x).setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) (value - STEP));
      double below = loss.getAsDouble();
      segment(x).setAtIndex(ValueLayout.JAVA_FLOAT, i, value);
      assertThat((double) get(gradient, i)).isCloseTo((above - below) / (2 * STEP), within(2e-3));
    }
  }

  @Test
  void rmsNorm() {
    Matrix x = random(3, 5);
    Matrix weight = random(1, 5);
    Matrix out = zeros(x);
    Matrix rstd = random(3, 1);
    Matrix dout = random(3, 5);
    Matrix dx = zeros(x);
    DoubleSupplier loss =
        () -> {
          ops.rmsNorm(x, weight, 1e-3f, out, rstd);
          return loss(out, dout);
        };
    assertThat(loss.getAsDouble()).isFinite();
    ops.rmsNormBackward(dout, x, weight, rstd, dx);
    check(x, dx, loss);
  }

  @Test
  void rope() {
    Matrix x = random(4, 12);
    Matrix dout = random(4, 12);
    Indices positions = indices(0, 3, 1, 2);
    Matrix angles = random(4, 3);
    Matrix cos = zeros(angles);
    Matrix sin = zeros(angles);
    for (int i = 0; i < 12; i++) {
      segment(cos).setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) Math.cos(get(angles, i)));
      segment(sin).setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) Math.sin(get(angles, i)));
    }
    RopeTable table = new RopeTable(cos, sin);
    Matrix dx = zeros(x);
    ops.copy(dout, dx);
    ops.rope(dx, positions, table, true);
    Matrix rotated = zeros(x);
    check(
        x,
        dx,
        () -> {
          ops.copy(x, rotated);
          ops.rope(rotated, positions, table, false);
          return loss(rotated, dout);
        });
  }

  @Test
  void swiglu() {
    Matrix gate = random(3, 4);
    Matrix up = random(3, 4);
    Matrix out = zeros(gate);
    Matrix dout = random(3, 4);
    Matrix dgate = zeros(gate);
    Matrix dup = zeros(gate);
    ops.swigluBackward(dout, gate, up, dgate, dup);
    DoubleSupplier loss =
        () -> {
          ops.swiglu(gate, up, out);
          return loss(out, dout);
        };
    check(gate, dgate, loss);
    check(up, dup, loss);
  }

  @Test
  void linear() {
    Tensor values = Tensor.allocate(host, "w", DType.F32, Shape.of(5, 4));
    for (int i = 0; i < 20; i++) {
      values.setFloatAt(i, (float) random.nextDouble());
    }
    FrozenLinear weight = device.loadLinear(memory, List.of(values));
    Matrix x = random(3, 4);
    Matrix dy = random(3, 5);
    Matrix y = zeros(dy);
    Matrix dx = zeros(x);
    ops.linearBackward(dy, weight, dx, false);
    check(
        x,
        dx,
        () -> {
          ops.linear(x, weight, y, false);
          return loss(y, dy);
        });
  }

  @Test
  void lora() {
    Dropout dropout = new Dropout(0.4f, 99, 3);
    Matrix x = random(4, 9);
    Matrix a = random(3, 9);
    Matrix b = random(5, 3);
    Matrix u = random(4, 3);
    Matrix y = random(4, 5);
    Matrix dy = random(4, 5);
    DoubleSupplier loss =
        () -> {
          ops.fill(y, 0);
          ops.lora(x, a, b, 1.5f, dropout, u, y);
          return loss(y, dy);
        };
    assertThat(loss.getAsDouble()).isFinite();
    Matrix da = zeros(a);
    Matrix db = zeros(b);
    Matrix dx = zeros(x);
    ops.loraBackward(dy, x, u, a, b, 1.5f, dropout, zeros(u), da, db, dx);
    check(x, dx, loss);
    check(a, da, loss);
    check(b, db, loss);
  }

  @Test
  void attention() {
    // A prefix of 3 that two segments see, and a segment with queries for its last two keys only.
    int[] segments = {0, 3, 0, 0, 0, 0, 3, 2, 3, 0, 0, 3, 5, 2, 5, 1, 0, 3};
    long pairs = AttentionLayout.pairs(segments, 3);
    assertThat(pairs).isEqualTo((1 + 2 + 3) + (4 + 5) + (5 + 6));
    AttentionLayout layout = new AttentionLayout(indices(segments), 3, 7, 8, 3, pairs);
    Matrix q = random(7, 8);
    Matrix k = random(8, 4);
    Matrix v = random(8, 4);
    Matrix out = zeros(q);
    Matrix lse = random(4, 7);
    Matrix dout = random(7, 8);
    DoubleSupplier loss =
        () -> {
          ops.attention(q, k, v, layout, 2, 0.7f, out, lse);
          return loss(out, dout);
        };
    assertThat(loss.getAsDouble()).isFinite();
    Matrix dq = zeros(q);
    Matrix dk = zeros(k);
    Matrix dv = zeros(v);
    ops.attentionBackward(q, k, v, out, dout, lse, layout, 2, 0.7f, random(4, 7), dq, dk, dv);
    check(q, dq, loss);
    check(k, dk, loss);
    check(v, dv, loss);
  }

  @Test
  void crossEntropy() {
    Matrix logits = random(3, 6);
    Matrix weights = random(3, 1);
    Matrix losses = zeros(weights);
    Indices targets = indices(5, 0, 2);
    Matrix gradient = zeros(logits);
    ops.crossEntropy(logits, targets, weights, 1, losses, gradient);
    Matrix ones = zeros(weights);
    ops.fill(ones, 1);
    check(
        logits,
        gradient,
        () -> {
          ops.crossEntropy(logits, targets, weights, 1, losses, null);
          return loss(losses, ones);
        });
  }
}
