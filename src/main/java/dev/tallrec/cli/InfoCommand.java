package dev.tallrec.cli;

import dev.tallrec.backend.Device;
import dev.tallrec.backend.DeviceSpeed;
import dev.tallrec.backend.cpu.CpuDevice;
import dev.tallrec.backend.cuda.CudaDevice;
import dev.tallrec.backend.cuda.CudaUnavailableException;
import dev.tallrec.tensor.DType;
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
        DeviceSpeed.product(device, size, size, size, REPETITIONS) / 1e12,
        size,
        size,
        size,
        REPETITIONS);
  }
}
