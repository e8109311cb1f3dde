package dev.tallrec.benchmarks;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** What must be the same for two runs to be compared: a machine's fingerprint. */
final class Machine {

  private static final int HASH_LENGTH = 12;
  private static final String UNKNOWN = "unknown";
  private static final Pattern VECTORS = Pattern.compile("^(avx|fma|f16c|amx|sse4|asimd|sve|bf16)");

  private Machine() {}

  static Map<String, String> here() throws IOException {
    return of(
        Path.of("/proc"),
        Runtime.version().toString(),
        ManagementFactory.getRuntimeMXBean().getInputArguments());
  }

  /**
   * Of a machine.
   *
   * @param proc where Linux tells of its processors and of NVIDIA's driver
   * @param java the JVM's version
   * @param options the JVM's, which those of the benchmarks get too
   */
  static Map<String, String> of(Path proc, String java, List<String> options) throws IOException {
    List<String> cpu = lines(proc.resolve("cpuinfo"));
    Map<String, String> machine = new LinkedHashMap<>();
    machine.put("cpu", value(cpu, "model name"));
    machine.put(
        "cpu family, model, stepping",
        String.join(" ", value(cpu, "cpu family"), value(cpu, "model"), value(cpu, "stepping")));
    machine.put("vector flags", vectorFlags(value(cpu, "flags")));
    machine.put("processors", String.valueOf(Runtime.getRuntime().availableProcessors()));
    machine.put("gpu", gpus(proc.resolve("driver/nvidia/gpus")));
    machine.put("gpu driver", value(lines(proc.resolve("driver/nvidia/version")), "NVRM version"));
    machine.put("java", java);
    machine.put("java options", String.join(" ", options));
    machine.put("os", System.getProperty("os.name") + " " + System.getProperty("os.arch"));
    return machine;
  }

  private static List<String> lines(Path file) throws IOException {
    return Files.exists(file) ? Files.readAllLines(file) : List.of();
  }

  /** Of the first line "name : value". */
  private static String value(List<String> lines, String name) {
    return lines.stream()
        .map(line -> line.split(":", 2))
        .filter(parts -> parts.length == 2 && parts[0].strip().equals(name))
        .map(parts -> parts[1].strip())
        .findFirst()
        .orElse(UNKNOWN);
  }

  private static String vectorFlags(String flags) {
    return Stream.of(flags.split(" "))
        .filter(flag -> VECTORS.matcher(flag).find())
        .sorted()
        .collect(Collectors.joining(" "));
  }

  private static String gpus(Path directory) throws IOException {
    if (!Files.isDirectory(directory)) {
      return "none";
    }
    List<String> models = new ArrayList<>();
    try (Stream<Path> gpus = Files.list(directory)) {
      for (Path gpu : gpus.sorted().toList()) {
        models.add(value(lines(gpu.resolve("information")), "Model"));
      }
    }
    return String.join(", ", models);
  }

  /** What two differ in; empty if nothing. */
  static List<String> differences(Map<String, String> one, Map<String, String> other) {
    TreeSet<String> keys = new TreeSet<>(one.keySet());
    keys.addAll(other.keySet());
    return keys.stream()
        .filter(key -> !Objects.equals(one.get(key), other.get(key)))
        .map(key -> key + ": " + one.get(key) + " / " + other.get(key))
        .toList();
  }

  /** Few enough characters for a file's name, the same for the same machine only. */
  static String hash(Map<String, String> machine) {
    StringBuilder text = new StringBuilder();
    new TreeMap<>(machine)
        .forEach((key, value) -> text.append(key).append('=').append(value).append('\n'));
    try {
      byte[] digest =
          MessageDigest.getInstance("SHA-256")
              .digest(text.toString().getBytes(StandardCharsets.UTF_8));
      return HexFormat.of().formatHex(digest).substring(0, HASH_LENGTH);
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
  }
}
