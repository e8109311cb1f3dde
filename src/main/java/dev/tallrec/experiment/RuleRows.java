package dev.tallrec.experiment;

import dev.tallrec.rec.Auc;
import dev.tallrec.rec.Heuristics;
import dev.tallrec.rec.KShot;
import dev.tallrec.rec.RecData;
import dev.tallrec.rec.RecExample;
import dev.tallrec.report.Study;
import dev.tallrec.report.Study.Origin;
import java.util.ArrayList;
import java.util.List;

/**
 * Rows of rules without a model. A rule that looks at train rows has two: one for the K rows that
 * the variants learn from, drawn with each seed, and one for all of them, which tells how much is
 * to be had there but compares with no variant of fewer.
 */
final class RuleRows {

  private final Grid grid;
  private final RecData set;
  private final boolean[] liked;

  private RuleRows(Grid grid, RecData set) {
    this.grid = grid;
    this.set = set;
    this.liked = RecExample.labels(set.test());
  }

  /** The rows for a grid's columns, on the test rows of {@code set}. */
  static List<Study.Row> of(Grid grid, RecData set) {
    return new RuleRows(grid, set).rows();
  }

  private List<Study.Row> rows() {
    List<Study.Row> rows = new ArrayList<>();
    for (Heuristics.Rule rule : Heuristics.all(set.test(), set.train())) {
      String all = "%.2f".formatted(100 * Auc.of(rule.scores(), liked));
      List<String> everywhere = grid.k().stream().map(k -> all).toList();
      switch (rule.kind()) {
        case HISTORY -> rows.add(new Study.Row(rule.name(), Origin.NO_MODEL, everywhere));
        case TRAIN -> {
          if (grid.k().stream().anyMatch(k -> k > 0)) {
            rows.add(
                new Study.Row(
                    rule.name() + " in the K train rows",
                    Origin.NO_MODEL,
                    grid.k().stream().map(k -> ofSamples(rule.name(), k)).toList()));
          }
          rows.add(
              new Study.Row(
                  "%s in all %,d train rows".formatted(rule.name(), set.train().size()),
                  Origin.NO_MODEL,
                  everywhere));
        }
      }
    }
    return rows;
  }

  /** AUC of a rule that sees the K rows of each seed; empty where no K are drawn. */
  private String ofSamples(String rule, int k) {
    if (k == 0 || k > set.train().size()) {
      return "";
    }
    double[] aucs =
        grid.seeds().stream()
            .flatMap(
                seed -> Heuristics.all(set.test(), KShot.sample(set.train(), k, seed)).stream())
            .filter(one -> one.name().equals(rule))
            .mapToDouble(one -> Auc.of(one.scores(), liked))
            .toArray();
    return Outcomes.Figure.of(aucs).toString();
  }
}
