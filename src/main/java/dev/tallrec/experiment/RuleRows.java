package dev.tallrec.experiment;

import dev.tallrec.rec.Auc;
import dev.tallrec.rec.Heuristics;
import dev.tallrec.rec.KShot;
import dev.tallrec.rec.RecData;
import dev.tallrec.rec.RecExample;
import dev.tallrec.report.Study;
import dev.tallrec.report.Study.Origin;
import java.util.ArrayList;
import java.util.Collections;
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
    for (Heuristics.Rule rule : Heuristics.ofHistories(set.test())) {
      rows.add(row(rule.name(), everywhere(rule)));
    }
    List<Heuristics.Rule> ofAll = Heuristics.ofTargets(set.test(), set.train());
    List<List<List<Heuristics.Rule>>> ofSamples = grid.k().stream().map(this::ofSamples).toList();
    for (int i = 0; i < ofAll.size(); i++) {
      int number = i;
      String name = ofAll.get(i).name();
      if (grid.k().stream().anyMatch(k -> k > 0)) {
        rows.add(
            row(
                name + " in the K train rows",
                ofSamples.stream().map(seeds -> figure(seeds, number)).toList()));
      }
      rows.add(
          row(
              "%s in all %,d train rows".formatted(name, set.train().size()),
              everywhere(ofAll.get(i))));
    }
    return rows;
  }

  private static Study.Row row(String name, List<String> cells) {
    return new Study.Row(name, Origin.NO_MODEL, cells);
  }

  /** The same figure for every K. */
  private List<String> everywhere(Heuristics.Rule rule) {
    return Collections.nCopies(grid.k().size(), Outcomes.Figure.of(auc(rule)).toString());
  }

  /** The rules that see the K rows of a seed, for each seed; none where no K are drawn. */
  private List<List<Heuristics.Rule>> ofSamples(int k) {
    return k == 0 || k > set.train().size()
        ? List.of()
        : grid.seeds().stream()
            .map(seed -> Heuristics.ofTargets(set.test(), KShot.sample(set.train(), k, seed)))
            .toList();
  }

  private String figure(List<List<Heuristics.Rule>> seeds, int number) {
    return seeds.isEmpty()
        ? ""
        : Outcomes.Figure.of(seeds.stream().mapToDouble(rules -> auc(rules.get(number))).toArray())
            .toString();
  }

  private double auc(Heuristics.Rule rule) {
    return Auc.of(rule.scores(), liked);
  }
}
