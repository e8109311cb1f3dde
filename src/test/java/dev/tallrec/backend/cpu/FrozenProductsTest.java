package dev.tallrec.backend.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tallrec.backend.DeviceArena;
import dev.tallrec.backend.Matrix;
import dev.tallrec.tensor.DType;
import dev.tallrec.tensor.Shape;
import dev.tallrec.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.LongPredicate;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Panels that are made once against those that are made for each product. */
class FrozenProductsTest {

  private static final List<Integer> OUTPUTS_OF_PARTS = List.of(40, 7, 23);

  private static Matrix random(DeviceArena memory, String name, int rows, int columns) {
    Matrix matrix = Matrix.allocate(memory, name, DType.F32, rows, columns);
    SplittableRandom random = new SplittableRandom(name.hashCode());
    MemorySegment segment = HostBuffer.of(matrix);
    for (int i = 0; i < rows * columns; i++) {
      segment.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) random.nextDouble(-1, 1));
    }
    return matrix;
  }

  private static CpuLinear weights(Arena arena, DType dtype, int in, List<Integer> outputs) {
    SplittableRandom random = new SplittableRandom(in);
    List<Tensor> tensors = new ArrayList<>();
    for (int rows : outputs) {
      Tensor tensor = Tensor.allocate(arena, "part", dtype, Shape.of(rows, in));
      for (long i = 0; i < (long) rows * in; i++) {
        tensor.setFloatAt(i, (float) random.nextDouble(-1, 1));
      }
      tensors.add(tensor);
    }
    return CpuLinear.of(tensors);
  }

  private static byte[] bytes(Matrix matrix) {
    return HostBuffer.of(matrix).toArray(ValueLayout.JAVA_BYTE);
  }

  /** Both directions, set and then added to, with panels that {@code allows} or not. */
  private static List<byte[]> results(
      int threads, int rows, DType dtype, int in, List<Integer> outputs, LongPredicate allows) {
    Scratch[] scratch =
        IntStream.range(0, threads).mapToObj(i -> new Scratch()).toArray(Scratch[]::new);
    try (WorkerPool pool = new WorkerPool(threads);
        CpuDevice device = new CpuDevice(1);
        DeviceArena memory = device.newArena();
        Arena arena = Arena.ofShared()) {
      FrozenProducts products = new FrozenProducts(pool, scratch, allows);
      CpuLinear weight = weights(arena, dtype, in, outputs);
      Matrix x = random(memory, "x", rows, in);
      Matrix dy = random(memory, "dy", rows, weight.outFeatures());
      Matrix y = random(memory, "y", rows, weight.outFeatures());
      Matrix dx = random(memory, "dx", rows, in);
      List<byte[]> results = new ArrayList<>();
      for (boolean add : List.of(false, true)) {
        products.forward(x, weight, y, add);
        products.backward(dy, weight, dx, add);
        results.add(bytes(y));
        results.add(bytes(dx));
      }
      return results;
    } finally {
      for (Scratch one : scratch) {
        one.close();
      }
    }
  }

  @ParameterizedTest
  @CsvSource({
    "64, F32, 48",
    "65, F32, 31",
    "130, BF16, 129",
    "203, F16, 33",
    "100, F32, 800",
    "97, BF16, 1",
    "1000, F32, 48",
    "1000, F16, 800"
  })
  void panelsMadeOnceGiveTheSameBits(int rows, DType dtype, int in) {
    List<byte[]> without = results(1, rows, dtype, in, OUTPUTS_OF_PARTS, bytes -> false);
    for (int threads : List.of(1, 2, 5)) {
      assertThat(results(threads, rows, dtype, in, OUTPUTS_OF_PARTS, bytes -> true))
          .usingElementComparator(Arrays::compare)
          .isEqualTo(without);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "2048, 1, 4",
    "2048, 2, 8",
    "2048, 3, 12",
    "512, 2, 4",
    "512, 4, 4",
    "200, 2, 2",
    "100, 4, 4"
  })
  void threadsThatAreNotHeldUpHavePiecesToTake(int rows, int threads, int pieces) {
    assertThat(new Gemm.Split().setPacked(rows, 512, threads)).isEqualTo(pieces);
  }

  @Test
  void sumsOverManyOutputsAreSplitAsWithoutPanels() {
    List<Integer> outputs = List.of(1000, 30, 900);
    assertThat(results(2, 70, DType.F32, 37, outputs, bytes -> true))
        .usingElementComparator(Arrays::compare)
        .isEqualTo(results(2, 70, DType.F32, 37, outputs, bytes -> false));
  }

  /** It is asked for each direction, not for each product, and not for a few rows. */
  @Test
  void memoryThatIsThereIsAskedForOnce() {
    List<Long> asked = new ArrayList<>();
    results(2, 64, DType.F32, 10, List.of(33), asked::add);
    assertThat(asked).containsExactly(PackedFactor.bytes(10, 33), PackedFactor.bytes(33, 10));
    assertThat(PackedFactor.bytes(10, 33))
        .isBetween(4L * 10 * 33, 4L * 10 * (32 + TileKernel.COLUMNS));
    asked.clear();
    results(2, 63, DType.F32, 10, List.of(33), asked::add);
    assertThat(asked).isEmpty();
  }

  @Test
  void memoryThatIsNotThereIsAskedForAgain() {
    List<Long> asked = new ArrayList<>();
    List<byte[]> late =
        results(2, 64, DType.F32, 10, List.of(33), bytes -> asked.add(bytes) && asked.size() > 2);
    long forward = PackedFactor.bytes(10, 33);
    long backward = PackedFactor.bytes(33, 10);
    assertThat(asked).containsExactly(forward, backward, forward, backward);
    assertThat(late)
        .usingElementComparator(Arrays::compare)
        .isEqualTo(results(2, 64, DType.F32, 10, List.of(33), bytes -> false));
  }

  @Test
  void memoryThatIsNeverThereIsAskedForEverLessOften() {
    CpuLinear weight =
        CpuLinear.of(List.of(Tensor.allocate(Arena.ofAuto(), "w", DType.F32, Shape.of(3, 4))));
    List<Integer> askedAt = new ArrayList<>();
    try (WorkerPool pool = new WorkerPool(1)) {
      for (int product = 1; product <= 70; product++) {
        int now = product;
        weight.plain().decide(bytes -> !askedAt.add(now), pool, new Scratch[0]);
      }
    }
    assertThat(askedAt).containsExactly(1, 2, 4, 8, 16, 32, 64);
  }
}
