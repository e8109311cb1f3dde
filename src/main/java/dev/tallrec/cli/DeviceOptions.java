package dev.tallrec.cli;

import dev.tallrec.backend.Device;
import dev.tallrec.backend.ProfiledDevice;
import dev.tallrec.backend.cpu.CpuDevice;
import dev.tallrec.backend.cuda.CudaDevice;
import dev.tallrec.backend.cuda.CudaUnavailableException;
import dev.tallrec.tensor.DType;
import java.io.IOException;
import java.util.function.Function;
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

  /** How a GPU is opened. */
  private interface Gpu<D> {
    D open(int ordinal, DType computeType) throws CudaUnavailableException;
  }

  /**
   * Opens the device.
   *
   * @throws IOException if a GPU is asked for and there is none that can be used
   */
  Device open() throws IOException {
    return open(CudaDevice::open, cpu -> cpu);
  }

  /**
   * Opens the device so that it computes in {@code type}, whatever --compute-type says; the CPU
   * computes in F32 all the same.
   *
   * @throws IOException if a GPU is asked for and there is none that can be used
   */
  Device open(DType type) throws IOException {
    return open((ordinal, given) -> CudaDevice.open(ordinal, type), cpu -> cpu);
  }

  /**
   * Opens the device so that it tells how long everything took: a GPU by events of its own, the CPU
   * by its clock.
   *
   * @throws IOException if a GPU is asked for and there is none that can be used
   */
  ProfiledDevice openProfiled() throws IOException {
    return open(CudaDevice::openProfiled, ProfiledDevice::new);
  }

  private <D> D open(Gpu<? extends D> cuda, Function<CpuDevice, ? extends D> cpu)
      throws IOException {
    if (!computeType.isWeight()) {
      throw new IllegalArgumentException("--compute-type " + computeType + ": F16, BF16 or F32");
    }
    return switch (kind) {
      case CPU -> cpu.apply(new CpuDevice(threads));
      case CUDA -> cuda.open(gpu, computeType);
      case AUTO -> {
        try {
          yield cuda.open(gpu, computeType);
        } catch (CudaUnavailableException e) {
          yield cpu.apply(new CpuDevice(threads));
        }
      }
    };
  }
}
