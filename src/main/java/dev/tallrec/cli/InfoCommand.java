package dev.tallrec.cli;

import dev.tallrec.backend.Device;
import dev.tallrec.backend.DeviceArena;
import dev.tallrec.backend.FrozenLinear;
import dev.tallrec.backend.Matrix;
import dev.tallrec.backend.cpu.CpuDevice;
import dev.tallrec.backend.cuda.CudaDevice;
import dev.tallrec.backend.cuda.CudaUnavailableException;
import dev.tallrec.tensor.DType;
import dev.tallrec.tensor.Shape;
import dev.tallrec.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Shows what there is to compute on. */
@Command(
    name = "info",
    mixinStandardHelpOptions = true,
    description =
        "Shows the devices at hand, what they could not use, and how fast they multiply matrices.")
final class InfoCommand implements Callable<Integer> {

  private static final int CPU_SIZE = 1024;
  private static final int GPU_SIZE = 8192;
  private static final int REPETITIONS = 5;

  @Option(
      names = "--gpu",
      paramLabel = "N",
      description = "Number of the GPU (default: ${DEFAULT-VALUE}).")
  private int gpu = 0;

  @Override
  public Integer call() {
    System.out.println(
        "Java "
            + Runtime.version()
            + ", "
            + System.getProperty("os.name")
            + " "
            + System.getProperty("os.arch"));
    try (Device cpu = CpuDevice.ofAllProcessors()) {
      report(cpu, CPU_SIZE);
    }
    try (Device cuda = CudaDevice.open(gpu, DType.F16)) {
      report(cuda, GPU_SIZE);
    } catch (CudaUnavailableException e) {
      System.out.println("no GPU: " + e.getMessage());
    }
    return 0;
  }

  private static void report(Device device, int size) {
    System.out.println(device.description());
    System.out.printf("  %.1f GiB free%n", device.availableBytes() / (double) (1 << 30));
    System.out.printf(
        "  %,.2f TFLOP/s in a product of %d x %d x %d, the best of %d%n",
        ceiling(device, size) / 1e12, size, size, size, REPETITIONS);
  }

  private static double ceiling(Device device, int size) {
    try (Arena host = Arena.ofShared();
        DeviceArena memory = device.newArena()) {
      Tensor values = Tensor.allocate(host, "weights", device.computeType(), Shape.of(size, size));
      FrozenLinear weights = device.loadLinear(memory, List.of(values));
      Matrix x = Matrix.allocate(memory, "x", device.computeType(), size, size);
      Matrix y = Matrix.allocate(memory, "y", device.computeType(), size, size);
      double best = Double.MAX_VALUE;
      for (int i = 0; i <= REPETITIONS; i++) {
        device.synchronize();
        long start = System.nanoTime();
        device.ops().linear(x, weights, y, false);
        device.synchronize();
        best = Math.min(best, (System.nanoTime() - start) / 1e9);
      }
      return 2.0 * size * size * size / best;
    }
  }
}
