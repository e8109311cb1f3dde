package dev.tallrec.experiment;

import dev.tallrec.rec.Auc;
import dev.tallrec.rec.DeLong;
import dev.tallrec.rec.Interval;
import dev.tallrec.rec.WithinUser;
import dev.tallrec.report.Study;
import dev.tallrec.report.Study.Origin;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Variants beside each other: intervals, AUC within users, tests against the tuned model over users
 * and over rows.
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
        "AUC x 100; over users: its 95 %% interval by a bootstrap over them, first seed. Within users: AUC of each, weighted by its rows. Lead over it: that of %s. By users, by rows: in how many seeds that lead is significant at 5 %%, in a bootstrap over users and in DeLong's test. The latter takes all rows for independent and so finds too much. Time: of a run."
            .formatted(reference),
        List.of("AUC", "over users", "within users", "lead over it", "by users", "by rows", "time"),
        rows);
  }

  private Study.Row row(String variant, List<Grid.Cell> cells) {
    List<Double> within = new ArrayList<>();
    for (Grid.Cell cell : cells) {
      WithinUser.of(test.examples(), test.scores(cell)).ifPresent(user -> within.add(user.auc()));
    }
    List<Lead> leads = variant.equals(reference) ? List.of() : leads(cells);
    Optional<Interval> interval =
        Interval.overUsers(new Auc(test.scores(cells.getFirst()), test.liked()), test.examples());
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
            interval
                .map(ends -> "%.2f to %.2f".formatted(100 * ends.low(), 100 * ends.high()))
                .orElse(""),
            within.isEmpty()
                ? ""
                : Outcomes.Figure.of(within.stream().mapToDouble(Double::doubleValue).toArray())
                    .toString(),
            leads.isEmpty()
                ? ""
                : "%+.2f pts"
                    .formatted(
                        100
                            * leads.stream()
                                .mapToDouble(lead -> lead.byRows().difference())
                                .average()
                                .orElseThrow()),
            count(
                leads.stream()
                    .flatMap(lead -> lead.byUsers().stream())
                    .map(ends -> !ends.holds(0))
                    .toList()),
            count(leads.stream().map(lead -> lead.byRows().p() < SIGNIFICANT).toList()),
            "%.0f s".formatted(seconds)));
  }

  private static String count(List<Boolean> differs) {
    return differs.isEmpty()
        ? ""
        : "%d of %d".formatted(differs.stream().filter(one -> one).count(), differs.size());
  }

  /** How far the reference is ahead of a run, over rows and, where users are known, over users. */
  private record Lead(DeLong byRows, Optional<Interval> byUsers) {}

  /** The reference's run with the same seed against each run. */
  private List<Lead> leads(List<Grid.Cell> cells) {
    List<Lead> leads = new ArrayList<>();
    for (Grid.Cell cell : cells) {
      for (Grid.Cell other : test.byVariant().getOrDefault(reference, List.of())) {
        if (other.seed() == cell.seed()) {
          double[] first = test.scores(other);
          double[] second = test.scores(cell);
          leads.add(
              new Lead(
                  DeLong.compare(test.liked(), first, second),
                  Interval.ofDifference(
                      new Auc(first, test.liked()),
                      new Auc(second, test.liked()),
                      test.examples())));
        }
      }
    }
    return leads;
  }
}
