package dev.tallrec.experiment;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import dev.tallrec.json.JsonFiles;
import dev.tallrec.json.StrictYaml;
import dev.tallrec.rec.RecData;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * A grid of runs: every variant with every data set, every K and every seed.
 *
 * @param title for reports
 * @param preset that all tuning runs start from
 * @param variants settings by name, by variant. {@code model} says what it is: {@code tallrec} if
 *     left out, then the settings are those of the preset by dotted name, {@code data} among them
 * @param data data sets that variants are tuned on and tested on, one after the other
 * @param test data sets that all are tested on; none: each on what it is tuned on
 * @param k sizes of the few-shot sample; 0 for all examples
 * @param seeds of the runs
 * @param byK settings of tuning runs for a K; a variant's own win
 */
public record Grid(
    String title,
    String preset,
    Map<String, Map<String, String>> variants,
    List<String> data,
    List<String> test,
    List<Integer> k,
    List<Long> seeds,
    Map<Integer, Map<String, String>> byK) {

  /** Grids that come with the program. */
  public static final List<String> KNOWN =
      List.of("table1", "kshot", "ablation", "crossdomain", "llms", "full");

  /** How much is computed: in minutes with the small base, or as in the paper with LLaMA-7B. */
  public enum Scale {
    SMALL,
    PAPER;

    private String folder() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** What a variant is. */
  public enum Model {
    /** A base, tuned. */
    TALLREC,
    /** A sequential recommender. */
    RECOMMENDER,
    /** A base as it is, asked with or without demonstrations. */
    UNTUNED,
    /** A model behind an endpoint, asked with or without demonstrations. */
    ENDPOINT
  }

  /**
   * One run of a grid.
   *
   * @param data names of the data sets it learns from
   * @param test names of the data sets it is tested on
   * @param settings of its model
   */
  public record Cell(
      String variant,
      Model model,
      List<String> data,
      List<String> test,
      int k,
      long seed,
      Map<String, String> settings) {

    /** Name of its directory. */
    public String name() {
      String dataNames = String.join("+", data.stream().map(Grid::lastName).toList());
      return "%s-%s-%s-seed%d"
          .formatted(
              variant.replaceAll("[^A-Za-z0-9]+", "-"), dataNames, k == 0 ? "all" : "k" + k, seed);
    }
  }

  private static final String MODEL = "model";
  private static final String DATA = "data";

  /** Checks that nothing is left empty in the lists and groups. */
  public Grid {
    variants = settings("variants", variants);
    byK = settings("by_k", byK);
    data = full("data", data);
    test = full("test", test);
    k = full("k", k);
    seeds = full("seeds", seeds);
  }

  private static <K> Map<K, Map<String, String>> settings(
      String name, Map<K, @Nullable Map<String, @Nullable String>> groups) {
    Map<K, Map<String, String>> all = new LinkedHashMap<>();
    groups.forEach((key, group) -> {
      String path = name + "." + key;
      Map<String, String> own = new LinkedHashMap<>();
      given(path, group)
          .forEach((setting, value) -> own.put(setting, given(path + "." + setting, value)));
      all.put(key, own);
    });
    return all;
  }

  private static <T> List<T> full(String name, List<@Nullable T> values) {
    List<T> all = new ArrayList<>();
    for (T value : values) {
      all.add(given("%s[%d]".formatted(name, all.size()), value));
    }
    return all;
  }

  private static <T> T given(String name, @Nullable T value) {
    if (value == null) {
      throw new IllegalArgumentException(name + " has no value");
    }
    return value;
  }

  private static final YAMLMapper YAML = StrictYaml.builder().build();

  /**
   * Reads one of the {@link #KNOWN} grids at a scale, or a YAML file.
   *
   * @throws IOException naming file and line if it is not a grid
   */
  public static Grid read(String name, Scale scale) throws IOException {
    if (!KNOWN.contains(name) && !Files.isRegularFile(Path.of(name))) {
      throw new IOException(
          "%s is neither a YAML file nor one of the grids %s, nor all of these (all)"
              .formatted(name, String.join(", ", KNOWN)));
    }
    try (InputStream bytes =
        KNOWN.contains(name)
            ? Grid.class.getResourceAsStream(scale.folder() + "/" + name + ".yaml")
            : Files.newInputStream(Path.of(name))) {
      Grid grid = YAML.readValue(bytes, Grid.class);
      grid.check(name);
      return grid;
    } catch (JsonProcessingException e) {
      throw new IOException(JsonFiles.describe(name, e), e);
    }
  }

  private void check(String name) throws IOException {
    if (variants.isEmpty() || data.isEmpty() || k.isEmpty() || seeds.isEmpty()) {
      throw new IOException(name + ": variants, data, k and seeds must each name something");
    }
    for (Map.Entry<String, Map<String, String>> variant : variants.entrySet()) {
      try {
        model(variant.getValue());
      } catch (IllegalArgumentException e) {
        throw new IOException(
            "%s: model %s of variant %s is none of tallrec, recommender, untuned, endpoint"
                .formatted(name, variant.getValue().get(MODEL), variant.getKey()),
            e);
      }
    }
    Set<String> names = new TreeSet<>();
    for (Cell cell : cells()) {
      if (!names.add(cell.name())) {
        throw new IOException(
            "%s: two runs would be kept in one directory, %s".formatted(name, cell.name()));
      }
      List<String> tests = cell.test().stream().map(Grid::lastName).toList();
      if (Set.copyOf(tests).size() < tests.size()) {
        throw new IOException(
            "%s: scores of %s are kept by the last part of a data set's name, so these must differ: %s"
                .formatted(name, cell.name(), String.join(", ", cell.test())));
      }
    }
    checkTraining(name);
  }

  /** A figure is of a variant on a test set, over its seeds: it must not be over data as well. */
  private void checkTraining(String name) throws IOException {
    Map<List<String>, List<String>> learnt = new HashMap<>();
    for (Cell cell : cells()) {
      for (String tested : cell.test()) {
        List<String> before = learnt.putIfAbsent(List.of(cell.variant(), tested), cell.data());
        if (before != null && !before.equals(cell.data())) {
          String one = String.join(",", before);
          String other = String.join(",", cell.data());
          throw new IOException(
              "%s: variant %s learns from %s in some runs and from %s in others, and is tested on %s after each, so that its figures would mix both: write one variant for each with a data of its own, \"%s, %s\": {data: \"%s\"} and \"%s, %s\": {data: \"%s\"}, as the grid crossdomain does"
                  .formatted(
                      name,
                      cell.variant(),
                      one,
                      other,
                      tested,
                      cell.variant(),
                      one,
                      one,
                      cell.variant(),
                      other,
                      other));
        }
      }
    }
  }

  /** A data set's name without the directories above it: what files are called by. */
  static String lastName(String data) {
    return RecData.name(Path.of(data));
  }

  private static Model model(Map<String, String> own) {
    return Model.valueOf(own.getOrDefault(MODEL, Model.TALLREC.name()).toUpperCase(Locale.ROOT));
  }

  /** All runs, seeds innermost. */
  public List<Cell> cells() {
    List<Cell> cells = new ArrayList<>();
    variants.forEach((variant, own) -> {
      List<List<String>> sets =
          own.containsKey(DATA)
              ? List.of(Arrays.stream(own.get(DATA).split(",")).map(String::strip).toList())
              : data.stream().map(List::of).toList();
      for (List<String> set : sets) {
        for (int size : k) {
          for (long seed : seeds) {
            cells.add(cell(variant, own, set, size, seed));
          }
        }
      }
    });
    return cells;
  }

  private Cell cell(
      String variant, Map<String, String> own, List<String> set, int size, long seed) {
    Model model = model(own);
    Map<String, String> settings = new LinkedHashMap<>();
    if (model == Model.TALLREC) {
      settings.putAll(byK.getOrDefault(size, Map.of()));
    }
    settings.putAll(own);
    settings.remove(MODEL);
    settings.remove(DATA);
    return new Cell(variant, model, set, test.isEmpty() ? set : test, size, seed, settings);
  }

  /**
   * The grid with settings for those of its tuning runs that have none of them yet, by their
   * variant or by {@link #byK}.
   */
  public Grid tunedWith(Map<String, String> settings) {
    if (byK.values().stream().anyMatch(own -> !disjoint(own, settings))) {
      return this;
    }
    Map<String, Map<String, String>> changed = new LinkedHashMap<>();
    variants.forEach((variant, own) -> {
      Map<String, String> all = new LinkedHashMap<>(own);
      if (model(own) == Model.TALLREC && disjoint(own, settings)) {
        all.putAll(settings);
      }
      changed.put(variant, all);
    });
    return new Grid(title, preset, changed, data, test, k, seeds, byK);
  }

  private static boolean disjoint(Map<String, String> one, Map<String, String> other) {
    return Collections.disjoint(one.keySet(), other.keySet());
  }

  /** Names of all data sets that something is tested on. */
  public List<String> testSets() {
    return cells().stream().flatMap(cell -> cell.test().stream()).distinct().toList();
  }
}
