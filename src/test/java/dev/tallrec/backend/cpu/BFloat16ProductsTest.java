package dev.tallrec.backend.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tallrec.backend.DeviceArena;
import dev.tallrec.backend.FrozenLinear;
import dev.tallrec.backend.Indices;
import dev.tallrec.backend.Matrix;
import dev.tallrec.tensor.BFloat16;
import dev.tallrec.tensor.DType;
import dev.tallrec.tensor.Shape;
import dev.tallrec.tensor.Tensor;
import dev.tallrec.testing.OneDnnLibrary;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Products of bf16 factors against loops over factors that were rounded, with sums in fp64. */
class BFloat16ProductsTest {

  private static final double TOLERANCE = 1e-5;
  private static final int GAP = 5;

  private final SplittableRandom random = new SplittableRandom(11);

  private static double rounded(float value) {
    return BFloat16.toFloat(BFloat16.fromFloat(value));
  }

  private Tensor weights(Arena arena, DType type, int out, int in) {
    Tensor tensor = Tensor.allocate(arena, "w", type, Shape.of(out, in));
    for (long i = 0; i < tensor.shape().elementCount(); i++) {
      tensor.setFloatAt(i, (float) (random.nextDouble() * 2 - 1));
    }
    return tensor;
  }

  /** Random numbers, within wider rows. */
  private Matrix matrix(CpuDevice device, DeviceArena memory, int rows, int columns) {
    Matrix wide = Matrix.allocate(memory, "x", DType.F32, rows, columns + GAP);
    try (Arena arena = Arena.ofShared()) {
      MemorySegment values = arena.allocate(wide.buffer().byteSize(), Float.BYTES);
      for (long i = 0; i < wide.elementCount(); i++) {
        values.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) (random.nextDouble() * 2 - 1));
      }
      device.upload(values, wide.buffer());
    }
    return wide.columns(2, columns);
  }

  /** Everything in a matrix's buffer, gaps too. */
  private static float[] all(Matrix matrix) {
    return HostBuffer.of(matrix).toArray(ValueLayout.JAVA_FLOAT);
  }

  private static float at(float[] all, Matrix matrix, int row, int column) {
    return all[Math.toIntExact(matrix.offset() + (long) row * matrix.stride() + column)];
  }

  private static double[][] rows(List<Tensor> tensors) {
    List<double[]> rows = new ArrayList<>();
    for (Tensor tensor : tensors) {
      int in = Math.toIntExact(tensor.shape().dimension(1));
      for (long row = 0; row < tensor.shape().dimension(0); row++) {
        double[] values = new double[in];
        for (int i = 0; i < in; i++) {
          values[i] = rounded(tensor.floatAt(row * in + i));
        }
        rows.add(values);
      }
    }
    return rows.toArray(double[][]::new);
  }

  /** Element (row, column) of what a product should be. */
  private interface Expected {
    double at(int row, int column);
  }

  /** Errors are relative to the largest value; what lies between rows is as it was. */
  private static void check(Matrix result, float[] before, boolean add, Expected expected) {
    float[] after = all(result);
    double largest = 0;
    double error = 0;
    for (int r = 0; r < result.rows(); r++) {
      for (int c = 0; c < result.columns(); c++) {
        double right = expected.at(r, c) + (add ? at(before, result, r, c) : 0);
        largest = Math.max(largest, Math.abs(right));
        error = Math.max(error, Math.abs(right - at(after, result, r, c)));
      }
    }
    assertThat(error).isLessThanOrEqualTo(TOLERANCE * largest);
    for (int i = 0; i < before.length; i++) {
      long within = i - result.offset();
      boolean gap = within < 0 || within % result.stride() >= result.columns();
      if (gap) {
        assertThat(after[i]).isEqualTo(before[i]);
      }
    }
  }

  @ParameterizedTest
  @CsvSource({
    "F32, 4, 45, 30, 37, false",
    "F16, 37, 45, 30, 37, true",
    "BF16, 70, 45, 30, 37, false",
    "BF16, 5, 1, 1, 2, true",
    "F32, 530, 300, 531, 40, false",
    "F16, 16, 64, 32, 1100, true",
    "BF16, 1040, 7, 9, 3, true",
  })
  void multipliesRoundedFactors(
      DType type, int rows, int in, int firstOut, int secondOut, boolean add) {
    try (CpuDevice device = OneDnnLibrary.device(2);
        DeviceArena memory = device.newArena();
        Arena arena = Arena.ofShared()) {
      List<Tensor> parts =
          List.of(weights(arena, type, firstOut, in), weights(arena, type, secondOut, in));
      FrozenLinear whole = device.loadLinear(memory, parts);
      assertThat(whole.storageType()).isEqualTo(type);
      assertThat(memory.allocatedBytes())
          .isEqualTo(type == DType.BF16 ? 0 : 2L * in * (firstOut + secondOut));
      int first = firstOut / 2;
      int count = firstOut - first + secondOut / 2;
      double[][] w = rows(parts);
      both(device, memory, whole, w, 0, rows, add);
      both(device, memory, whole.outputs(first, count), w, first, rows, add);
    }
  }

  private void both(
      CpuDevice device,
      DeviceArena memory,
      FrozenLinear layer,
      double[][] w,
      int firstOutput,
      int rows,
      boolean add) {
    Matrix x = matrix(device, memory, rows, layer.inFeatures());
    Matrix y = matrix(device, memory, rows, layer.outFeatures());
    float[] before = all(y);
    device.ops().linear(x, layer, y, add);
    float[] factor = all(x);
    check(
        y,
        before,
        add,
        (r, c) -> {
          double sum = 0;
          for (int i = 0; i < x.columns(); i++) {
            sum += rounded(at(factor, x, r, i)) * w[firstOutput + c][i];
          }
          return sum;
        });
    float[] gradient = all(y);
    float[] previous = all(x);
    device.ops().linearBackward(y, layer, x, add);
    check(
        x,
        previous,
        add,
        (r, c) -> {
          double sum = 0;
          for (int i = 0; i < y.columns(); i++) {
            sum += rounded(at(gradient, y, r, i)) * w[firstOutput + i][c];
          }
          return sum;
        });
  }

  @Test
  void roundsAsManyRowsAtATimeAsItHasRoomFor() {
    // 32,000 outputs: the gradient of their logits is rounded in two goes.
    try (CpuDevice device = OneDnnLibrary.device(2);
        DeviceArena memory = device.newArena();
        Arena arena = Arena.ofShared()) {
      List<Tensor> parts = List.of(weights(arena, DType.BF16, 32000, 3));
      FrozenLinear layer = device.loadLinear(memory, parts);
      both(device, memory, layer, rows(parts), 0, 600, true);
    }
  }

  @Test
  void aFewRowsAndLookupsTakeWeightsAsStored() {
    try (CpuDevice device = OneDnnLibrary.device(2);
        CpuDevice exact = new CpuDevice(1);
        DeviceArena memory = device.newArena();
        Arena arena = Arena.ofShared()) {
      List<Tensor> parts = List.of(weights(arena, DType.F32, 40, 33));
      FrozenLinear layer = device.loadLinear(memory, parts);
      FrozenLinear stored = exact.loadLinear(memory, parts);
      Matrix x = matrix(device, memory, 3, 33);
      Matrix y = matrix(device, memory, 3, 40);
      device.ops().linear(x, layer, y, false);
      float[] ours = all(y);
      exact.ops().linear(x, stored, y, false);
      assertThat(ours).isEqualTo(all(y));
      Indices ids = Indices.allocate(memory, "ids", 1);
      device.upload(arena.allocateFrom(ValueLayout.JAVA_INT, 17), ids.buffer());
      Matrix row = Matrix.allocate(memory, "row", DType.F32, 1, 33);
      device.ops().embedding(ids, layer, row);
      for (int i = 0; i < 33; i++) {
        assertThat(at(all(row), row, 0, i)).isEqualTo(parts.getFirst().floatAt(17 * 33 + i));
      }
    }
  }

  @Test
  void givesTheSameBitsOnAnyNumberOfThreads() {
    try (Arena arena = Arena.ofShared()) {
      List<Tensor> parts = List.of(weights(arena, DType.F32, 700, 1500));
      float[][] results = new float[3][];
      for (int threads = 1; threads <= results.length; threads++) {
        SplittableRandom same = new SplittableRandom(4);
        try (CpuDevice device = OneDnnLibrary.device(threads);
            DeviceArena memory = device.newArena()) {
          FrozenLinear layer = device.loadLinear(memory, parts);
          Matrix x = Matrix.allocate(memory, "x", DType.F32, 600, 1500);
          HostBuffer.of(x)
              .elements(ValueLayout.JAVA_FLOAT)
              .forEach(value -> value.set(ValueLayout.JAVA_FLOAT, 0, (float) same.nextDouble()));
          Matrix y = Matrix.allocate(memory, "y", DType.F32, 600, 700);
          device.ops().linear(x, layer, y, false);
          device.ops().linearBackward(y, layer, x, true);
          results[threads - 1] = all(x);
        }
      }
      assertThat(results[1]).isEqualTo(results[0]);
      assertThat(results[2]).isEqualTo(results[0]);
    }
  }

  @Test
  void leavesThreadsToThePool() throws Exception {
    // Threads of OpenMP would bear the name of the one that started them.
    String name = "bf16-caller";
    List<String> names = new ArrayList<>();
    try (CpuDevice device = OneDnnLibrary.device(1);
        DeviceArena memory = device.newArena();
        Arena arena = Arena.ofShared()) {
      FrozenLinear layer = device.loadLinear(memory, List.of(weights(arena, DType.F32, 512, 512)));
      Matrix x = matrix(device, memory, 512, 512);
      Matrix y = matrix(device, memory, 512, 512);
      Thread caller =
          Thread.ofPlatform()
              .name(name)
              .start(() -> {
                device.ops().linear(x, layer, y, false);
                names.addAll(namesOfThreads());
              });
      caller.join();
    }
    assertThat(names).containsOnlyOnce(name);
  }

  private static List<String> namesOfThreads() {
    List<String> names = new ArrayList<>();
    try (DirectoryStream<Path> threads = Files.newDirectoryStream(Path.of("/proc/self/task"))) {
      for (Path thread : threads) {
        Path name = thread.resolve("comm");
        if (Files.exists(name)) {
          names.add(Files.readString(name).strip());
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return names;
  }

  @Test
  void copiesWeightsAtOddAddresses() {
    try (CpuDevice device = OneDnnLibrary.device(1);
        DeviceArena memory = device.newArena();
        Arena arena = Arena.ofShared()) {
      Tensor even = weights(arena, DType.BF16, 6, 7);
      MemorySegment odd = arena.allocate(even.segment().byteSize() + 1, 2).asSlice(1);
      odd.copyFrom(even.segment());
      List<Tensor> parts = List.of(new Tensor("odd", DType.BF16, even.shape(), odd));
      FrozenLinear layer = device.loadLinear(memory, parts);
      assertThat(memory.allocatedBytes()).isEqualTo(even.segment().byteSize());
      both(device, memory, layer, rows(parts), 0, 8, false);
    }
  }

  @Test
  void refusesWeightsOfADeviceThatDoesNotRound() {
    try (CpuDevice device = OneDnnLibrary.device(1);
        CpuDevice exact = new CpuDevice(1);
        DeviceArena memory = device.newArena();
        Arena arena = Arena.ofShared()) {
      FrozenLinear foreign = exact.loadLinear(memory, List.of(weights(arena, DType.F32, 8, 8)));
      Matrix x = matrix(device, memory, 8, 8);
      assertThatThrownBy(() -> device.ops().linear(x, foreign, x, false))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("computes in F32");
    }
  }

  @Test
  void roundsEveryKindOfNumber() {
    float[] values = new float[1003];
    for (int i = 0; i < values.length; i++) {
      values[i] = Float.intBitsToFloat(random.nextInt());
    }
    values[0] = Float.NaN;
    values[1] = Float.intBitsToFloat(0x7fffffff);
    values[2] = Float.intBitsToFloat(0xff800001);
    values[3] = Float.POSITIVE_INFINITY;
    values[4] = Float.MAX_VALUE;
    values[5] = -0f;
    values[6] = Float.intBitsToFloat(0x3f808000);
    values[7] = Float.intBitsToFloat(0x3f818000);
    values[1002] = Float.NaN;
    try (Arena arena = Arena.ofShared()) {
      MemorySegment source = arena.allocateFrom(ValueLayout.JAVA_FLOAT, values);
      MemorySegment target = arena.allocate(2L * values.length, 2);
      Rounding.toBFloat16(source, 0, target, 0, values.length);
      for (int i = 0; i < values.length; i++) {
        assertThat(target.getAtIndex(ValueLayout.JAVA_SHORT, i))
            .as("%x", Float.floatToRawIntBits(values[i]))
            .isEqualTo(BFloat16.fromFloat(source.getAtIndex(ValueLayout.JAVA_FLOAT, i)));
      }
    }
  }
}
