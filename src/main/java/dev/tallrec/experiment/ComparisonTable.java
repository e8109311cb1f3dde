package dev.tallrec.experiment;

import dev.tallrec.rec.DeLong;
import dev.tallrec.rec.Interval;
import dev.tallrec.rec.WithinUser;
import dev.tallrec.report.Study;
import dev.tallrec.report.Study.Origin;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Variants beside each other: intervals, AUC within users, DeLong's test against the tuned model.
 */
final class ComparisonTable {

  private static final double SIGNIFICANT = 0.05;

  private final TestSet test;
  private final String reference;

  private ComparisonTable(TestSet test) {
    this.test = test;
    this.reference = test.reference();
  }

  /** The table of runs, of which there must be one. */
  static Study.Table of(TestSet test) {
    return new ComparisonTable(test).table();
  }

  private Study.Table table() {
    List<Study.Row> rows = new ArrayList<>();
    for (Map.Entry<String, List<Grid.Cell>> variant : test.byVariant().entrySet()) {
      rows.add(row(variant.getKey(), variant.getValue()));
    }
    return new Study.Table(
        test.title("compared"),
        "AUC x 100; 95 %% interval by a bootstrap over users, first seed; AUC within users, weighted by their rows; the lead of %s over it; in how many seeds DeLong's test finds that difference (p < 0.05, rows taken for independent); time of a run."
            .formatted(reference),
        List.of("AUC", "over users", "within users", "lead over it", "p < 0.05", "time"),
        rows);
  }

  private Study.Row row(String variant, List<Grid.Cell> cells) {
    List<Double> within = new ArrayList<>();
    for (Grid.Cell cell : cells) {
      WithinUser.of(test.examples(), test.scores(cell)).ifPresent(user -> within.add(user.auc()));
    }
    List<DeLong> tests = variant.equals(reference) ? List.of() : againstReference(cells);
    long significant = tests.stream().filter(one -> one.p() < SIGNIFICANT).count();
    Interval interval = test.outcomes().result(cells.getFirst()).on(test.data()).interval();
    double seconds =
        cells.stream()
            .mapToDouble(cell -> test.outcomes().result(cell).seconds())
            .average()
            .orElseThrow();
    return new Study.Row(
        variant,
        Origin.OURS,
        List.of(
            test.outcomes()
                .figure(variant, test.data(), test.k())
                .map(Outcomes.Figure::toString)
                .orElse(""),
            interval == null
                ? ""
                : "%.2f to %.2f".formatted(100 * interval.low(), 100 * interval.high()),
            within.isEmpty()
                ? ""
                : Outcomes.Figure.of(within.stream().mapToDouble(Double::doubleValue).toArray())
                    .toString(),
            tests.isEmpty()
                ? ""
                : "%+.2f pts"
                    .formatted(
                        100
                            * tests.stream()
                                .mapToDouble(DeLong::difference)
                                .average()
                                .orElseThrow()),
            tests.isEmpty() ? "" : "%d of %d".formatted(significant, tests.size()),
            "%.0f s".formatted(seconds)));
  }

  /** The reference's run with the same seed against each run. */
  private List<DeLong> againstReference(List<Grid.Cell> cells) {
    List<DeLong> tests = new ArrayList<>();
    for (Grid.Cell cell : cells) {
      for (Grid.Cell other : test.byVariant().getOrDefault(reference, List.of())) {
        if (other.seed() == cell.seed()) {
          tests.add(DeLong.compare(test.liked(), test.scores(other), test.scores(cell)));
        }
      }
    }
    return tests;
  }
}
