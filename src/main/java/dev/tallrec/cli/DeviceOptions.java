package dev.tallrec.cli;

import dev.tallrec.backend.Device;
import dev.tallrec.backend.cpu.CpuDevice;
import picocli.CommandLine.Option;

/** Where to compute. */
final class DeviceOptions {

  @Option(
      names = "--threads",
      paramLabel = "N",
      description = "CPU threads; the result does not depend on it (default: all processors).")
  private int threads = Runtime.getRuntime().availableProcessors();

  Device open() {
    return new CpuDevice(threads);
  }
}
