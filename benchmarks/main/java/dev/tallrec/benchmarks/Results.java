package dev.tallrec.benchmarks;

import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.tallrec.files.AtomicFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

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
   * @param counters what does not depend on speed, such as bytes allocated per operation
   * @param others what does, such as collections and work a second; to be read, not gated on
   */
  public record Measured(
      String name,
      String unit,
      List<List<Double>> forks,
      Map<String, Double> counters,
      Map<String, Double> others) {

    /** Result files of before there were others have none. */
    public Measured(
        String name,
        String unit,
        List<List<Double>> forks,
        Map<String, Double> counters,
        @Nullable Map<String, Double> others) {
      this.name = name;
      this.unit = unit;
      this.forks = forks;
      this.counters = counters;
      this.others = others == null ? Map.of() : others;
    }
  }

  private static final JsonMapper JSON =
      JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();

  /** Reads a recorded run. */
  public static Results read(Path file) throws IOException {
    return JSON.readValue(file.toFile(), Results.class);
  }

  /**
   * Several recorded runs of one build as one: their forks together, of each counter the least, see
   * {@link Counters}. What depends on speed and is not gated on is the first one's.
   *
   * @throws IOException if they are of different machines, or not of the same benchmarks
   */
  public static Results read(List<Path> files) throws IOException {
    Results all = read(files.getFirst());
    for (Path file : files.subList(1, files.size())) {
      Results next = read(file);
      if (!all.differences(next).isEmpty()) {
        throw new IOException(file + " is of another machine: " + all.differences(next));
      }
      if (!all.names().equals(next.names())) {
        throw new IOException(
            "%s and %s are not of the same benchmarks: %s and %s"
                .formatted(files.getFirst(), file, all.names(), next.names()));
      }
      all = all.plus(next);
    }
    return all;
  }

  private Set<String> names() {
    return benchmarks.stream().map(Measured::name).collect(Collectors.toCollection(TreeSet::new));
  }

  private Results plus(Results other) {
    List<Measured> joined = new ArrayList<>();
    for (Measured one : benchmarks) {
      Measured two = Objects.requireNonNull(other.named(one.name()));
      List<List<Double>> forks = new ArrayList<>(one.forks());
      forks.addAll(two.forks());
      Map<String, Double> counters = new LinkedHashMap<>(one.counters());
      two.counters().forEach((name, value) -> counters.merge(name, value, Math::min));
      joined.add(new Measured(one.name(), one.unit(), forks, counters, one.others()));
    }
    return new Results(machine, commit, time, joined);
  }

  /** Writes it, whole or not at all. */
  public void write(Path file) throws IOException {
    AtomicFiles.replaceFile(file, aside -> Files.write(aside, JSON.writeValueAsBytes(this)));
  }

  /** What two runs' machines differ in that makes a comparison meaningless; empty if nothing. */
  public List<String> differences(Results other) {
    return Machine.differences(machine, other.machine);
  }

  /** Names the machine in few characters. */
  public String fingerprint() {
    return Machine.hash(machine);
  }

  /** The figures of a benchmark; null if it was not run. */
  @Nullable Measured named(String name) {
    return benchmarks.stream().filter(one -> one.name().equals(name)).findFirst().orElse(null);
  }
}
