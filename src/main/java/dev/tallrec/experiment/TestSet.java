package dev.tallrec.experiment;

import dev.tallrec.rec.RecData;
import dev.tallrec.rec.RecExample;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A grid's runs that were tested on a data set, with the largest K. */
record TestSet(Outcomes outcomes, String data, List<RecExample> examples, int k) {

  /** The variant that the study is about. */
  static final String TUNED = "TALLRec";

  TestSet(Outcomes outcomes, String data, RecData set) {
    this(
        outcomes,
        data,
        set.test(),
        outcomes.grid().k().stream()
            .max((a, b) ->
                Integer.compare(a == 0 ? Integer.MAX_VALUE : a, b == 0 ? Integer.MAX_VALUE : b))
            .orElseThrow());
  }

  boolean[] liked() {
    boolean[] liked = new boolean[examples.size()];
    for (int i = 0; i < liked.length; i++) {
      liked[i] = examples.get(i).liked();
    }
    return liked;
  }

  /** The runs of each variant that has any. */
  Map<String, List<Grid.Cell>> byVariant() {
    Map<String, List<Grid.Cell>> all = new LinkedHashMap<>();
    for (String variant : outcomes.grid().variants().keySet()) {
      List<Grid.Cell> cells = outcomes.cells(variant, data, k);
      if (!cells.isEmpty()) {
        all.put(variant, cells);
      }
    }
    return all;
  }

  /** Scores of the test rows by a run. */
  double[] scores(Grid.Cell cell) throws IOException {
    return outcomes.scores(cell, data);
  }

  /**
   * What others are compared with: the tuned model, or the last variant where none has its name.
   */
  String reference() {
    List<String> variants = List.copyOf(byVariant().keySet());
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
