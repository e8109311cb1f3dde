package dev.tallrec.backend.profile;

import dev.tallrec.backend.Device;
import dev.tallrec.backend.DeviceArena;
import dev.tallrec.backend.FrozenLinear;
import dev.tallrec.backend.Matrix;
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
  private static final int LEAST_PRODUCT = 256;

  // Of one timing, and how often it may be repeated within: a launch and a wait must not count.
  private static final double TIMING_SECONDS = 0.01;
  private static final int MOST_AT_ONCE = 1024;
  // Of all: a GPU that had nothing to do takes its time to get to its clock rate.
  private static final double LEAST_SECONDS = 0.3;

  private DeviceSpeed() {}

  /**
   * Rows and columns of square matrices, a power of two, in whose product {@code device} is at its
   * best, or fewer where three such would take more than a quarter of its free memory.
   */
  public static int productSize(Device device) {
    int size = device.bestProductSize();
    long most = device.availableBytes() / 4;
    while (size > LEAST_PRODUCT && 3L * size * size * device.computeType().byteSize() > most) {
      size /= 2;
    }
    return size;
  }

  /**
   * Floating-point operations a second, 2 a multiply-add, of [tokens, in] times [in, out].
   *
   * @param repetitions timings at least, of which the fastest counts
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
      double seconds = fastest(device, () -> device.ops().linear(x, weight, y, false), repetitions);
      return 2.0 * tokens * in * out / seconds;
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
   * @param repetitions timings at least, of which the fastest counts
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

  /** Seconds of {@code work}, as of the fastest of several timings. */
  private static double fastest(Device device, Runnable work, int repetitions) {
    // The first time loads kernels; the second tells how many a timing takes.
    seconds(device, work, 1);
    int atOnce = (int) Math.clamp(TIMING_SECONDS / seconds(device, work, 1), 1, MOST_AT_ONCE);
    double best = Double.MAX_VALUE;
    double spent = 0;
    for (int i = 0; i < repetitions || spent < LEAST_SECONDS; i++) {
      double seconds = seconds(device, work, atOnce);
      best = Math.min(best, seconds / atOnce);
      spent += seconds;
    }
    return best;
  }

  private static double seconds(Device device, Runnable work, int times) {
    device.synchronize();
    long start = System.nanoTime();
    for (int i = 0; i < times; i++) {
      work.run();
    }
    device.synchronize();
    return (System.nanoTime() - start) / 1e9;
  }
}
