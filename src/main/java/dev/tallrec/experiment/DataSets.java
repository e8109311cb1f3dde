package dev.tallrec.experiment;

import dev.tallrec.rec.RecData;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;

/** Data sets by name, each read once. */
final class DataSets {

  private final Map<String, RecData> sets = new LinkedHashMap<>();

  /**
   * The data set called {@code name}.
   *
   * @throws IOException if there is none, or its files are broken
   */
  RecData get(String name) throws IOException {
    RecData known = sets.get(name);
    if (known == null) {
      known = RecData.named(name);
      sets.put(name, known);
    }
    return known;
  }
}
