package dev.tallrec.experiment;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import dev.tallrec.json.JsonFiles;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A grid of runs: every variant with every K and every seed.
 *
 * @param title for reports
 * @param preset that all runs start from
 * @param variants settings by dotted name, by variant
 * @param k sizes of the few-shot sample
 * @param seeds of the runs
 * @param test data sets that all are scored on
 * @param byK settings for a K; a variant's own win
 */
public record Grid(
    String title,
    String preset,
    Map<String, Map<String, String>> variants,
    List<Integer> k,
    List<Long> seeds,
    List<String> test,
    Map<Integer, Map<String, String>> byK) {

  /** Grids that come with the program. */
  public static final List<String> KNOWN = List.of("kshot", "ablation", "crossdomain");

  /** One run of a grid. */
  public record Cell(String variant, int k, long seed, Map<String, String> settings) {

    /** Name of its directory. */
    public String name() {
      return "%s-k%d-seed%d".formatted(variant, k, seed);
    }
  }

  private static final YAMLMapper YAML =
      YAMLMapper.builder()
          .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
          .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
          .enable(DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES)
          .enable(DeserializationFeature.FAIL_ON_NULL_CREATOR_PROPERTIES)
          .build();

  /**
   * Reads one of the {@link #KNOWN} grids, or a YAML file.
   *
   * @throws IOException naming file and line if it is not a grid
   */
  public static Grid read(String name) throws IOException {
    try (InputStream bytes =
        KNOWN.contains(name)
            ? Grid.class.getResourceAsStream(name + ".yaml")
            : Files.newInputStream(Path.of(name))) {
      return YAML.readValue(bytes, Grid.class);
    } catch (JsonProcessingException e) {
      throw new IOException(JsonFiles.describe(name, e), e);
    }
  }

  /** All runs, seeds innermost. */
  public List<Cell> cells() {
    List<Cell> cells = new ArrayList<>();
    variants.forEach((variant, own) -> {
      for (int size : k) {
        for (long seed : seeds) {
          Map<String, String> settings = new LinkedHashMap<>();
          settings.put("k", String.valueOf(size));
          settings.put("seed", String.valueOf(seed));
          settings.put("test", String.join(",", test));
          settings.putAll(byK.getOrDefault(size, Map.of()));
          settings.putAll(own);
          cells.add(new Cell(variant, size, seed, settings));
        }
      }
    });
    return cells;
  }
}
