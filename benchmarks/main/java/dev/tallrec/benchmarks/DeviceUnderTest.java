package dev.tallrec.benchmarks;

import dev.tallrec.backend.Device;
import dev.tallrec.backend.cpu.CpuDevice;
import dev.tallrec.backend.cuda.CudaDevice;
import dev.tallrec.backend.profile.DeviceSpeed;
import dev.tallrec.backend.profile.ProfiledDevice;
import dev.tallrec.tensor.DType;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/**
 * The device that operations are timed on, and what it can do at best, measured before them in the
 * same JVM: its fastest product and its fastest copy.
 *
 * <p>A GPU takes the time of its own work, by CUDA events; on the CPU it is the benchmark's.
 */
@State(Scope.Benchmark)
public class DeviceUnderTest {

  private static final int[][] PRODUCTS = {{512, 768, 2048}, {2048, 1024, 2048}};
  private static final int PRODUCT_REPETITIONS = 60;
  private static final int COPY_REPETITIONS = 30;

  /** {@code cpu} in F32, or {@code cuda} in F16. */
  @Param("cpu")
  public String device;

  private Device opened;
  private @Nullable ProfiledDevice profiled;
  private double productCeiling;
  private double copyCeiling;

  /** On the CPU, without ceilings: for those who bring a clock of their own. */
  static DeviceUnderTest cpu(@Nullable Path oneDnn) throws IOException {
    DeviceUnderTest result = new DeviceUnderTest();
    result.device = "cpu";
    result.opened =
        oneDnn == null
            ? CpuDevice.ofAllProcessors()
            : CpuDevice.inBFloat16(Runtime.getRuntime().availableProcessors(), Optional.of(oneDnn));
    return result;
  }

  /** Opens it and measures it. */
  @Setup(Level.Trial)
  public void open() throws IOException {
    switch (device) {
      case "cpu" -> opened = CpuDevice.ofAllProcessors();
      case "cuda" -> {
        profiled = CudaDevice.openProfiled(0, DType.F16);
        opened = profiled;
      }
      default -> throw new IllegalArgumentException("-p device=cpu or cuda, not " + device);
    }
    for (int[] shape : PRODUCTS) {
      productCeiling =
          Math.max(
              productCeiling,
              DeviceSpeed.product(opened, shape[0], shape[1], shape[2], PRODUCT_REPETITIONS));
    }
    copyCeiling = DeviceSpeed.copy(opened, COPY_REPETITIONS);
    takeWork();
    System.out.printf(
        Locale.ROOT,
        "ceilings: %.1f GFLOP/s, %.1f GB/s%n",
        productCeiling / 1e9,
        copyCeiling / 1e9);
  }

  /** Closes it. */
  @TearDown(Level.Trial)
  public void close() {
    opened.close();
  }

  Device get() {
    return opened;
  }

  /** Operations a second, 2 a multiply-add. */
  double productCeiling() {
    return productCeiling;
  }

  /** Bytes a second, read and written. */
  double copyCeiling() {
    return copyCeiling;
  }

  /**
   * What a device did.
   *
   * @param nanos by its own clock
   * @param launches of kernels and products
   * @param bytesCopied between the host and it
   */
  record Work(long nanos, long launches, long bytesCopied) {
    static final Work NONE = new Work(0, 0, 0);

    Work plus(Work more) {
      return new Work(nanos + more.nanos, launches + more.launches, bytesCopied + more.bytesCopied);
    }

    private static Work of(ProfiledDevice.Event event) {
      return event.isCopy()
          ? new Work(event.nanos(), 0, event.bytes())
          : new Work(event.nanos(), 1, 0);
    }
  }

  /** Whether {@link #takeWork} counts the device's own work. */
  boolean takesTime() {
    return profiled != null;
  }

  /** What the device did since it was last asked, after waiting for it; nothing on a CPU. */
  Work takeWork() {
    return profiled == null
        ? Work.NONE
        : profiled.takeEvents().stream().map(Work::of).reduce(Work.NONE, Work::plus);
  }
}
