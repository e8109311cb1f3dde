package dev.tallrec.cli;

import dev.tallrec.backend.Device;
import dev.tallrec.backend.cpu.CpuDevice;
import dev.tallrec.backend.cuda.CudaDevice;
import dev.tallrec.backend.cuda.CudaUnavailableException;
import dev.tallrec.backend.profile.ProfiledDevice;
import dev.tallrec.tensor.DType;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Where to compute. */
final class DeviceOptions {

  /** More than any machine has processors; each costs memory, and a million of them all of it. */
  private static final int MOST_THREADS = 4096;

  /** Kinds of device. */
  enum Kind {
    CPU,
    CUDA,
    AUTO
  }

  @Option(
      names = "--device",
      description =
          "cpu, cuda, or auto: a GPU where there is a usable one, else the CPU, and the first line"
              + " says which; if there is a driver, also why (default: ${DEFAULT-VALUE}).")
  private Kind kind = Kind.AUTO;

  @Option(
      names = "--gpu",
      paramLabel = "N",
      description = "Number of the GPU; where it is given, the CPU does not stand in (default: 0).")
  private @Nullable Integer gpu;

  @Option(
      names = "--compute-type",
      paramLabel = "TYPE",
      description =
          "What to compute in. A GPU: F16, BF16 or F32 (default: F16). The CPU: F32 (the default), or BF16, products with"
              + " frozen weights of factors rounded to BF16, by oneDNN, and all else in F32.")
  private @Nullable DType computeType;

  @Option(
      names = "--onednn",
      paramLabel = "FILE",
      description =
          "oneDNN's library (libdnnl.so.3) for BF16 on the CPU (default: the one that the loader, conda or the"
              + " distribution has).")
  private @Nullable Path oneDnn;

  @Option(
      names = "--threads",
      paramLabel = "N",
      description = "CPU threads; the result does not depend on it (default: all processors).")
  private int threads = Runtime.getRuntime().availableProcessors();

  // Of the command, even where these options are options of other ones: for wrong usage.
  @Spec(Spec.Target.MIXEE)
  private CommandSpec command;

  /** How a GPU is opened. */
  private interface Gpu<D> {
    D open(int ordinal, DType computeType) throws CudaUnavailableException;
  }

  /** How the CPU is opened. */
  private interface Cpu<D> {
    D open() throws IOException;
  }

  /**
   * Opens the device.
   *
   * @throws IOException if a GPU is asked for and there is none that can be used, or BF16 on the
   *     CPU and no oneDNN that can
   * @throws ParameterException if the device does not compute in the type asked for
   */
  Device open() throws IOException {
    return open(CudaDevice::open, this::cpu);
  }

  /** What {@code verify --ops} opens the device in: every type, or the one that is asked for. */
  List<DType> typesToVerify() {
    return computeType == null ? List.of(DType.F32, DType.F16, DType.BF16) : List.of(computeType);
  }

  /**
   * Opens the device so that it computes in {@code type}, whatever --compute-type says; the CPU
   * computes in F32 all the same.
   *
   * @throws IOException if a GPU is asked for and there is none that can be used
   * @throws ParameterException if there are too many threads, or none
   */
  Device open(DType type) throws IOException {
    return open((ordinal, given) -> CudaDevice.open(ordinal, type), () -> new CpuDevice(threads()));
  }

  /**
   * Opens the device so that it tells how long everything took: a GPU by events of its own, the CPU
   * by its clock.
   *
   * @throws IOException as from {@link #open()}
   * @throws ParameterException as from {@link #open()}
   */
  ProfiledDevice openProfiled() throws IOException {
    return open(CudaDevice::openProfiled, () -> new ProfiledDevice(cpu()));
  }

  private int threads() {
    if (threads < 1 || threads > MOST_THREADS) {
      throw wrong("--threads %d: 1 to %d".formatted(threads, MOST_THREADS));
    }
    return threads;
  }

  private CpuDevice cpu() throws IOException {
    int checked = threads();
    if (computeType == DType.F16) {
      throw wrong("--compute-type F16 is for GPUs: the CPU computes in F32, or in BF16 by oneDNN");
    }
    if (computeType == DType.BF16) {
      return CpuDevice.inBFloat16(checked, Optional.ofNullable(oneDnn));
    }
    if (oneDnn != null) {
      throw wrong("--onednn goes with --compute-type BF16");
    }
    return new CpuDevice(checked);
  }

  private ParameterException wrong(String message) {
    return new ParameterException(command.commandLine(), message);
  }

  private <D> D open(Gpu<? extends D> cuda, Cpu<? extends D> cpu) throws IOException {
    DType onGpu = computeType == null ? DType.F16 : computeType;
    if (!onGpu.isWeight()) {
      throw wrong("--compute-type " + onGpu + ": F16, BF16 or F32");
    }
    int ordinal = gpu == null ? 0 : gpu;
    if (ordinal < 0 || (gpu != null && kind == Kind.CPU)) {
      throw wrong(
          "--gpu %d%s".formatted(ordinal, ordinal < 0 ? ": 0 or more" : " with --device cpu"));
    }
    return switch (kind) {
      case CPU -> cpu.open();
      case CUDA -> cuda.open(ordinal, onGpu);
      case AUTO -> {
        try {
          yield cuda.open(ordinal, onGpu);
        } catch (CudaUnavailableException e) {
          if (gpu != null) {
            throw e;
          }
          if (!e.isDriverMissing()) {
            System.err.println("tallrec: no GPU, the CPU stands in: " + e.getMessage());
          }
          yield cpu.open();
        }
      }
    };
  }
}
