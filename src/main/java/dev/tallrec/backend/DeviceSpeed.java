package dev.tallrec.backend;

import dev.tallrec.tensor.DType;
import dev.tallrec.tensor.Shape;
import dev.tallrec.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.List;

/** How fast a device multiplies matrices and copies: what its other work is measured against. */
public final class DeviceSpeed {

  private static final int COPY_ROWS = 1024;
  private static final int COPY_COLUMNS = 16384;

  private DeviceSpeed() {}

  /**
   * Floating-point operations a second, 2 a multiply-add, of [tokens, in] times [in, out].
   *
   * @param repetitions after a first time; the fastest of all counts
   */
  public static double product(Device device, int tokens, int in, int out, int repetitions) {
    try (Arena host = Arena.ofShared();
        DeviceArena memory = device.newArena()) {
      FrozenLinear weight =
          device.loadLinear(
              memory, List.of(Tensor.allocate(host, "w", device.computeType(), Shape.of(out, in))));
      Matrix x = Matrix.allocate(memory, "x", device.computeType(), tokens, in);
      Matrix y = Matrix.allocate(memory, "y", device.computeType(), tokens, out);
      Runnable product = () -> device.ops().linear(x, weight, y, false);
      return 2.0 * tokens * in * out / fastest(device, product, repetitions);
    }
  }

  /**
   * Bytes a second, read and written, of a copy within the device, large enough to miss caches.
   *
   * @param repetitions after a first time; the fastest of all counts
   */
  public static double copy(Device device, int repetitions) {
    try (DeviceArena memory = device.newArena()) {
      DType type = device.computeType();
      Matrix from = Matrix.allocate(memory, "copied", type, COPY_ROWS, COPY_COLUMNS);
      Matrix to = Matrix.allocate(memory, "copy", type, COPY_ROWS, COPY_COLUMNS);
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
