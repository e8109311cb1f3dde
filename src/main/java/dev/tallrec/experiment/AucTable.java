package dev.tallrec.experiment;

import dev.tallrec.rec.RecData;
import dev.tallrec.report.Study;
import dev.tallrec.report.Study.Origin;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** AUC of a grid's variants for each K, with rules without a model and the paper's figures. */
final class AucTable {

  private static final String MARK = " (p < %s)".formatted(SeedSignificance.SIGNIFICANT);

  private static final String TESTED =
      "%s: above every other variant by Welch's t-test over seeds, of which it needs three."
          .formatted(MARK);

  private AucTable() {}

  /** The table of what was tested on {@code data}. */
  static Study.Table of(Outcomes outcomes, String data, RecData set) throws IOException {
    Grid grid = outcomes.grid();
    List<Study.Row> rows = new ArrayList<>();
    rows.addAll(RuleRows.of(grid, set));
    Map<String, Map<Integer, Double>> paper = PaperTable.read(data);
    for (String variant : grid.variants().keySet()) {
      rows.add(
          new Study.Row(
              variant,
              Origin.OURS,
              grid.k().stream().map(k -> figure(outcomes, variant, data, k)).toList()));
    }
    for (Map.Entry<String, Map<Integer, Double>> row : paper.entrySet()) {
      if (grid.variants().containsKey(row.getKey())
          && grid.k().stream().anyMatch(row.getValue()::containsKey)) {
        rows.add(
            new Study.Row(
                row.getKey() + (row.getKey().equals(TestSet.TUNED) ? " (LLaMA-7B)" : ""),
                Origin.PAPER,
                grid.k().stream()
                    .map(k -> {
                      Double auc = row.getValue().get(k);
                      return auc == null ? "" : "%.2f".formatted(auc);
                    })
                    .toList()));
      }
    }
    return new Study.Table(
        "%s: %s".formatted(grid.title(), data),
        "Test AUC x 100 on %s, mean ± standard deviation over seeds.%s"
            .formatted(data, isTested(outcomes, data) ? TESTED : ""),
        grid.k().stream().map(TestSet::heading).toList(),
        rows);
  }

  /** Whether the tuned model can be tested against the others at some K. */
  private static boolean isTested(Outcomes outcomes, String data) {
    return outcomes.grid().k().stream()
        .anyMatch(k -> SeedSignificance.isAboveAll(outcomes, TestSet.TUNED, data, k).isPresent());
  }

  private static String figure(Outcomes outcomes, String variant, String data, int k) {
    String figure = outcomes.figure(variant, data, k).map(Outcomes.Figure::toString).orElse("");
    return variant.equals(TestSet.TUNED)
            && SeedSignificance.isAboveAll(outcomes, variant, data, k).orElse(false)
        ? figure + MARK
        : figure;
  }
}
