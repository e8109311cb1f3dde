package dev.tallrec.experiment;

import dev.tallrec.rec.RecData;
import dev.tallrec.rec.RecExample;
import java.io.IOException;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A grid's runs that were tested on a data set, with the largest K.
 *
 * @param examples the test rows
 * @param liked their labels
 * @param byVariant the runs of each variant that has any
 * @param scores of the test rows, by run
 */
record TestSet(
    Outcomes outcomes,
    String data,
    List<RecExample> examples,
    boolean[] liked,
    int k,
    Map<String, List<Grid.Cell>> byVariant,
    Map<Grid.Cell, double[]> scores) {

  /** The variant that the study is about. */
  static final String TUNED = "TALLRec";

  /** Reads the scores of a grid's runs on {@code data}. */
  static TestSet read(Outcomes outcomes, String data, RecData set) throws IOException {
    int largest =
        outcomes.grid().k().stream()
            .max(Comparator.comparingInt(k -> k == 0 ? Integer.MAX_VALUE : k))
            .orElseThrow();
    Map<String, List<Grid.Cell>> byVariant = new LinkedHashMap<>();
    Map<Grid.Cell, double[]> scores = new HashMap<>();
    for (String variant : outcomes.grid().variants().keySet()) {
      List<Grid.Cell> cells = outcomes.cells(variant, data, largest);
      if (!cells.isEmpty()) {
        byVariant.put(variant, cells);
      }
      for (Grid.Cell cell : cells) {
        scores.put(cell, outcomes.scores(cell, data));
      }
    }
    return new TestSet(
        outcomes, data, set.test(), RecExample.labels(set.test()), largest, byVariant, scores);
  }

  /** Scores of the test rows by one of the runs. */
  double[] scores(Grid.Cell cell) {
    double[] found = scores.get(cell);
    if (found == null) {
      throw new IllegalArgumentException(cell.name() + " is not a run of this set");
    }
    return found;
  }

  /**
   * What others are compared with: the tuned model, or the last variant where none has its name.
   */
  String reference() {
    List<String> variants = List.copyOf(byVariant.keySet());
    return variants.contains(TUNED) ? TUNED : variants.getLast();
  }

  /** A title for what is shown of these runs. */
  String title(String what) {
    return "%s: %s, %s, %s".formatted(outcomes.grid().title(), data, heading(k), what);
  }

  /** A K as heading of a column. */
  static String heading(int k) {
    return k == 0 ? "all" : "K = " + k;
  }
}
