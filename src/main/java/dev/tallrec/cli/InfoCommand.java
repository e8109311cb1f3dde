package dev.tallrec.cli;

import dev.tallrec.backend.Device;
import dev.tallrec.backend.cpu.CpuDevice;
import dev.tallrec.backend.cuda.CudaDevice;
import dev.tallrec.backend.cuda.CudaUnavailableException;
import dev.tallrec.backend.profile.DeviceSpeed;
import dev.tallrec.cli.DeviceOptions.Kind;
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

  private static final int REPETITIONS = 5;

  @Option(
      names = "--device",
      description =
          "What to show: cpu; cuda, with exit code 1 where there is no GPU that can be used; or auto, both"
              + " (default: ${DEFAULT-VALUE}).")
  private Kind kind = Kind.AUTO;

  @Option(
      names = "--gpu",
      paramLabel = "N",
      description = "Number of the GPU (default: ${DEFAULT-VALUE}).")
  private int gpu = 0;

  @Override
  public Integer call() throws CudaUnavailableException {
    System.out.println(
        "Java "
            + Runtime.version()
            + ", "
            + System.getProperty("os.name")
            + " "
            + System.getProperty("os.arch"));
    if (kind != Kind.CUDA) {
      try (Device cpu = CpuDevice.ofAllProcessors()) {
        report(cpu);
      }
    }
    if (kind != Kind.CPU) {
      try (Device cuda = CudaDevice.open(gpu, DType.F16)) {
        report(cuda);
      } catch (CudaUnavailableException e) {
        if (kind == Kind.CUDA) {
          throw e;
        }
        System.out.println("no GPU: " + e.getMessage());
      }
    }
    return 0;
  }

  private static void report(Device device) {
    int size = DeviceSpeed.productSize(device);
    System.out.println(device.description());
    System.out.printf("  %.1f GiB free%n", device.availableBytes() / (double) (1 << 30));
    System.out.printf(
        "  %,.2f TFLOP/s in a product of %d x %d x %d, at best%n",
        DeviceSpeed.product(device, size, size, size, REPETITIONS) / 1e12, size, size, size);
  }
}
