package dev.tallrec.backend.cpu;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** What memory the machine has left, and what of it may be spent on speed. */
final class HostMemory {

  private static final Path MEMORY_INFO = Path.of("/proc/meminfo");

  private HostMemory() {}

  /**
   * What the kernel calls available where it says so and no container limits us; else what is free.
   */
  static long available() {
    if (!(ManagementFactory.getOperatingSystemMXBean()
        instanceof com.sun.management.OperatingSystemMXBean system)) {
      return Long.MAX_VALUE;
    }
    long free = system.getFreeMemorySize();
    try (Stream<String> lines = Files.lines(MEMORY_INFO)) {
      List<String> info = lines.toList();
      boolean limited = system.getTotalMemorySize() < kilobytes(info, "MemTotal:") * 0.99;
      return limited ? free : Math.max(free, kilobytes(info, "MemAvailable:"));
    } catch (IOException | NumberFormatException e) {
      return free;
    }
  }

  /**
   * Whether {@code bytes} of heap may hold a second copy of weights: half of the heap and three
   * quarters of what the machine has left are never spent on that.
   */
  static boolean allowsPanels(long bytes) {
    Runtime runtime = Runtime.getRuntime();
    long used = runtime.totalMemory() - runtime.freeMemory();
    return used + bytes <= runtime.maxMemory() / 2 && bytes <= available() / 4;
  }

  private static long kilobytes(List<String> info, String name) {
    return info.stream()
        .filter(line -> line.startsWith(name))
        .map(line -> line.replaceAll("[^0-9]", ""))
        .mapToLong(digits -> Long.parseLong(digits) * 1024)
        .findFirst()
        .orElse(0);
  }
}
