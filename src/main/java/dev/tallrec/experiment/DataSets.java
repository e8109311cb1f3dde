package dev.tallrec.experiment;

import dev.tallrec.rec.RecData;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Data sets by name, each read once. */
final class DataSets {

  private final Map<String, RecData> sets = new LinkedHashMap<>();
  private final Map<String, String> digests = new HashMap<>();

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

  /** What tells the data sets of these names from others that bear them, by name. */
  Map<String, String> digests(List<String> names) throws IOException {
    Map<String, String> all = new TreeMap<>();
    for (String name : names) {
      String digest = digests.get(name);
      if (digest == null) {
        digest = get(name).digest();
        digests.put(name, digest);
      }
      all.put(name, digest);
    }
    return all;
  }

  /** The data sets of these names. */
  List<RecData> all(List<String> names) throws IOException {
    List<RecData> all = new ArrayList<>();
    for (String name : names) {
      all.add(get(name));
    }
    return all;
  }

  /**
   * Checks that a cell's sample can be drawn, and that it can be tested: what all but tuning runs
   * need, which check more.
   *
   * @param validated whether a state of its model is chosen by the validation AUC
   * @throws IOException naming the variant, the data set and K
   */
  void check(Grid.Cell cell, boolean validated) throws IOException {
    try {
      for (RecData data : all(cell.data())) {
        data.requireSample(cell.k());
        if (validated) {
          data.requireValid();
        }
      }
      for (RecData data : all(cell.test())) {
        data.requireTest();
      }
    } catch (IOException e) {
      throw new IOException("variant " + cell.variant() + ": " + e.getMessage(), e);
    }
  }
}
