package dev.tallrec.benchmarks;

import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.tallrec.safetensors.AtomicFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * A run of benchmarks on a machine.
 *
 * @param machine what must be the same for two runs to be compared
 * @param commit of the sources
 * @param time when
 * @param benchmarks what was measured
 */
public record Results(
    Map<String, String> machine, String commit, String time, List<Measured> benchmarks) {

  /**
   * A benchmark's figures.
   *
   * @param name benchmark and parameters
   * @param unit of the scores: operations a second, the more the better
   * @param forks scores, iterations of each fork
   * @param counters what does not depend on speed: bytes allocated per operation
   */
  public record Measured(
      String name, String unit, List<List<Double>> forks, Map<String, Double> counters) {}

  private static final JsonMapper JSON =
      JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();

  /** Reads a recorded run. */
  public static Results read(Path file) throws IOException {
    return JSON.readValue(file.toFile(), Results.class);
  }

  /** Writes it, whole or not at all. */
  public void write(Path file) throws IOException {
    AtomicFiles.replaceFile(file, aside -> Files.write(aside, JSON.writeValueAsBytes(this)));
  }

  /** What two runs differ in that makes a comparison meaningless; empty if nothing. */
  public List<String> differences(Results other) {
    return machine.keySet().stream()
        .filter(key -> !Objects.equals(machine.get(key), other.machine.get(key)))
        .map(key -> key + ": " + machine.get(key) + " / " + other.machine.get(key))
        .toList();
  }
}
