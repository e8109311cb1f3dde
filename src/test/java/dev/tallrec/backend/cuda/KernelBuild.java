package dev.tallrec.backend.cuda;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;

/** What the emulated device's kernels were compiled with. */
enum KernelBuild {

  /** g++, from the source. */
  GCC("libtallrec_emulated.so", "g++ on x86-64"),

  /** nvcc: the PTX that ships, each of its instructions then carried out by the CPU. */
  NVCC("libtallrec_ptx.so", "an nvcc whose PTX native-kernels/host/ptx.h knows, and g++ on x86-64");

  private final Path library;
  private final String needs;

  KernelBuild(String file, String needs) {
    this.library = EmulatedDriver.library().resolveSibling(file);
    this.needs = needs;
  }

  /** Leaves the running test out, and says why, where the build could not make it. */
  void assume() {
    assumeTrue(Files.exists(library), () -> "these kernels need " + needs);
  }

  CudaDriver driver(int order, long capacity) {
    return new EmulatedDriver(library, order, capacity);
  }
}
