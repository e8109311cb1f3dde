package dev.tallrec.backend;

import dev.tallrec.tensor.DType;
import dev.tallrec.tensor.Shape;
import dev.tallrec.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.SplittableRandom;

/** How fast a device multiplies matrices and copies: what its other work is measured against. */
public final class DeviceSpeed {

  // The caches of GPUs have 72 MiB at most.
  private static final int COPY_BYTES = 128 << 20;
  private static final int COPY_ROWS = 4096;
  // Of a product, so that a launch and a wait do not count.
  private static final int AT_ONCE = 4;

  private DeviceSpeed() {}

  /**
   * Floating-point operations a second, 2 a multiply-add, of [tokens, in] times [in, out].
   *
   * @param repetitions after a first time; the fastest of all counts
   */
  public static double product(Device device, int tokens, int in, int out, int repetitions) {
    try (Arena host = Arena.ofShared();
        DeviceArena memory = device.newArena()) {
      DType type = device.computeType();
      FrozenLinear weight =
          device.loadLinear(memory, List.of(random(host, type, Shape.of(out, in))));
      Matrix x = Matrix.allocate(memory, "x", type, tokens, in);
      Matrix y = Matrix.allocate(memory, "y", type, tokens, out);
      device.upload(random(host, type, Shape.of(tokens, in)).segment(), x.buffer());
      Runnable products =
          () -> {
            for (int i = 0; i < AT_ONCE; i++) {
              device.ops().linear(x, weight, y, false);
            }
          };
      return 2.0 * AT_ONCE * tokens * in * out / fastest(device, products, repetitions);
    }
  }

  /** Not zeros: of those a GPU multiplies more a second, as they take it less power. */
  private static Tensor random(Arena arena, DType type, Shape shape) {
    Tensor values = Tensor.allocate(arena, "random", type, shape);
    SplittableRandom random = new SplittableRandom(1);
    for (long i = 0; i < shape.elementCount(); i++) {
      values.setFloatAt(i, random.nextFloat(-1, 1));
    }
    return values;
  }

  /**
   * Bytes a second, read and written, of a copy within the device, large enough to miss caches.
   *
   * @param repetitions after a first time; the fastest of all counts
   */
  public static double copy(Device device, int repetitions) {
    try (DeviceArena memory = device.newArena()) {
      DType type = device.computeType();
      int columns = COPY_BYTES / COPY_ROWS / type.byteSize();
      Matrix from = Matrix.allocate(memory, "copied", type, COPY_ROWS, columns);
      Matrix to = Matrix.allocate(memory, "copy", type, COPY_ROWS, columns);
      double seconds = fastest(device, () -> device.ops().copy(from, to), repetitions);
      return 2.0 * from.elementBytes() / seconds;
    }
  }

  /**
   * Seconds of the fastest of several times.
   *
   * @param work asks {@code device} for something
   * @param repetitions after a first time
   */
  public static double fastest(Device device, Runnable work, int repetitions) {
    double best = Double.MAX_VALUE;
    for (int i = 0; i <= repetitions; i++) {
      device.synchronize();
      long start = System.nanoTime();
      work.run();
      device.synchronize();
      best = Math.min(best, (System.nanoTime() - start) / 1e9);
    }
    return best;
  }
}
