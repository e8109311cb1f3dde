package dev.tallrec.testing;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.tallrec.backend.cpu.CpuDevice;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Optional;

/** oneDNN out of its Maven artifact, which tests have on their class path. */
public final class OneDnnLibrary {

  private static final String PLACE = "/org/bytedeco/dnnl/linux-x86_64/";
  private static final String NAME = "libdnnl.so.3";
  private static final String OPENMP = "libgomp.so.1";

  private OneDnnLibrary() {}

  /**
   * The library, in the build's directory, beside the OpenMP it looks for there. Where it cannot
   * multiply bf16 matrices, the test that asks is skipped.
   */
  public static Path file() {
    assumeTrue(
        System.getProperty("os.arch").equals("amd64"), "the artifact holds a library for x86-64");
    assumeTrue(hasAvx512(), "oneDNN multiplies bf16 matrices on CPUs with AVX-512");
    try {
      Path directory = Files.createDirectories(Path.of("target", "onednn"));
      extract(OPENMP, directory);
      return extract(NAME, directory);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A device that computes in BF16. */
  public static CpuDevice device(int threads) {
    try {
      return CpuDevice.inBFloat16(threads, Optional.of(file()));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Path extract(String name, Path directory) throws IOException {
    Path file = directory.resolve(name);
    if (!Files.exists(file)) {
      Path aside = Files.createTempFile(directory, name, null);
      try (InputStream bytes = OneDnnLibrary.class.getResourceAsStream(PLACE + name)) {
        assumeTrue(bytes != null, "no " + PLACE + name + " on the class path");
        Files.copy(bytes, aside, StandardCopyOption.REPLACE_EXISTING);
      }
      Files.move(aside, file, StandardCopyOption.ATOMIC_MOVE);
    }
    return file;
  }

  private static boolean hasAvx512() {
    try {
      String flags = Files.readString(Path.of("/proc/cpuinfo"));
      return flags.contains("avx512bw") && flags.contains("avx512vl") && flags.contains("avx512dq");
    } catch (IOException e) {
      return false;
    }
  }
}
