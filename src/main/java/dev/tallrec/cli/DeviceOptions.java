package dev.tallrec.cli;

import dev.tallrec.backend.Device;
import dev.tallrec.backend.cpu.CpuDevice;
import dev.tallrec.backend.cuda.CudaDevice;
import dev.tallrec.backend.cuda.CudaUnavailableException;
import dev.tallrec.tensor.DType;
import java.io.IOException;
import picocli.CommandLine.Option;

/** Where to compute. */
final class DeviceOptions {

  /** Kinds of device. */
  enum Kind {
    CPU,
    CUDA,
    AUTO
  }

  @Option(
      names = "--device",
      description =
          "cpu, cuda, or auto: a GPU where there is a usable one, else the CPU, and the first line of output says which"
              + " (default: ${DEFAULT-VALUE}).")
  private Kind kind = Kind.AUTO;

  @Option(
      names = "--gpu",
      paramLabel = "N",
      description = "Number of the GPU (default: ${DEFAULT-VALUE}).")
  private int gpu = 0;

  @Option(
      names = "--compute-type",
      paramLabel = "TYPE",
      description =
          "What a GPU computes in: F16, BF16 or F32 (default: ${DEFAULT-VALUE}). The CPU computes in F32.")
  private DType computeType = DType.F16;

  @Option(
      names = "--threads",
      paramLabel = "N",
      description = "CPU threads; the result does not depend on it (default: all processors).")
  private int threads = Runtime.getRuntime().availableProcessors();

  /**
   * Opens the device.
   *
   * @throws IOException if a GPU is asked for and there is none that can be used
   */
  Device open() throws IOException {
    if (!computeType.isWeight()) {
      throw new IllegalArgumentException("--compute-type " + computeType + ": F16, BF16 or F32");
    }
    return switch (kind) {
      case CPU -> new CpuDevice(threads);
      case CUDA -> CudaDevice.open(gpu, computeType);
      case AUTO -> auto();
    };
  }

  private Device auto() {
    try {
      return CudaDevice.open(gpu, computeType);
    } catch (CudaUnavailableException e) {
      return new CpuDevice(threads);
    }
  }
}
