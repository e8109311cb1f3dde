package dev.tallrec.experiment;

import dev.tallrec.report.Study;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The curves of a study. */
final class StudyCurves {

  private StudyCurves() {}

  /** AUC against K; empty unless the grid has several. */
  static Optional<Study.LineChart> kshot(Outcomes outcomes, String data) {
    Grid grid = outcomes.grid();
    List<Integer> sizes = grid.k().stream().filter(k -> k > 0).sorted().toList();
    if (sizes.size() < 2) {
      return Optional.empty();
    }
    List<Study.Series> series = new ArrayList<>();
    for (String variant : grid.variants().keySet()) {
      List<Double> x = new ArrayList<>();
      List<Double> y = new ArrayList<>();
      List<Double> spread = new ArrayList<>();
      for (int k : sizes) {
        outcomes
            .figure(variant, data, k)
            .ifPresent(figure -> {
              x.add((double) k);
              y.add(100 * figure.mean());
              if (!Double.isNaN(figure.deviation())) {
                spread.add(100 * figure.deviation());
              }
            });
      }
      if (!x.isEmpty()) {
        series.add(new Study.Series(variant, x, y, spread.size() == y.size() ? spread : List.of()));
      }
    }
    return series.isEmpty()
        ? Optional.empty()
        : Optional.of(
            new Study.LineChart(
                "%s: %s, few-shot".formatted(grid.title(), data),
                "K examples",
                "test AUC x 100",
                true,
                series));
  }

  /** ROC of each variant's first run. */
  static Study.LineChart roc(TestSet test) {
    List<Study.Series> series = new ArrayList<>();
    for (Map.Entry<String, List<Grid.Cell>> variant : test.byVariant().entrySet()) {
      double[] scores = test.scores(variant.getValue().getFirst());
      series.add(RocCurve.of(variant.getKey(), scores, test.liked()));
    }
    return new Study.LineChart(
        test.title("ROC"),
        "share of disliked ranked above",
        "share of liked ranked above",
        false,
        series);
  }

  /** Training loss of tuning runs with the first seed. */
  static Optional<Study.LineChart> loss(TestSet test) {
    List<Study.Series> series = new ArrayList<>();
    test.byVariant()
        .forEach((variant, cells) -> {
          List<CellResult.Point> curve = test.outcomes().result(cells.getFirst()).curve();
          if (curve.size() > 1 && cells.getFirst().model() == Grid.Model.TALLREC) {
            series.add(
                new Study.Series(
                    variant,
                    curve.stream().map(point -> (double) point.step()).toList(),
                    curve.stream().map(CellResult.Point::loss).toList(),
                    List.of()));
          }
        });
    return series.isEmpty()
        ? Optional.empty()
        : Optional.of(new Study.LineChart(test.title("training"), "step", "loss", false, series));
  }
}
