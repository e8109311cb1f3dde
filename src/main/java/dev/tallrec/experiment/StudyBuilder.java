package dev.tallrec.experiment;

import dev.tallrec.experiment.Study.Origin;
import dev.tallrec.rec.DeLong;
import dev.tallrec.rec.Evaluation;
import dev.tallrec.rec.Heuristics;
import dev.tallrec.rec.Interval;
import dev.tallrec.rec.RecData;
import dev.tallrec.rec.RecExample;
import dev.tallrec.rec.WithinUser;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Makes of grids' outcomes what a report shows. */
public final class StudyBuilder {

  private static final String TUNED = "TALLRec";
  private static final double SIGNIFICANT = 0.05;

  private final Runners runners;
  private final List<String> facts = new ArrayList<>();
  private final List<Study.Table> tables = new ArrayList<>();
  private final List<Study.LineChart> lines = new ArrayList<>();
  private final List<Study.Histogram> histograms = new ArrayList<>();
  private final List<Study.Mistake> mistakes = new ArrayList<>();

  /** A builder that reads data sets where {@code runners} did. */
  public StudyBuilder(Runners runners) {
    this.runners = runners;
  }

  /** The study of some grids. */
  public Study build(String title, String base, List<Outcomes> all) throws IOException {
    facts.add("Base model: %s, on %s.".formatted(base, runners.machine()));
    for (Outcomes outcomes : all) {
      add(outcomes);
    }
    return new Study(title, facts, tables, lines, histograms, mistakes);
  }

  private void add(Outcomes outcomes) throws IOException {
    Grid grid = outcomes.grid();
    facts.add(
        "%s: %d of %d runs are done, %d seeds."
            .formatted(
                grid.title(), outcomes.byCell().size(), grid.cells().size(), grid.seeds().size()));
    outcomes.missing().forEach((variant, lack) -> facts.add(variant + " " + lack + "."));
    outcomes.byCell().values().stream()
        .flatMap(result -> result.remarks().stream())
        .distinct()
        .forEach(facts::add);
    for (String data : grid.testSets()) {
      tables.add(aucTable(outcomes, data));
      if (!outcomes.byCell().isEmpty()) {
        TestSet test = new TestSet(outcomes, data, runners.data(data));
        tables.add(comparison(test));
        kshotCurve(outcomes, data).ifPresent(lines::add);
        lines.add(rocCurves(test));
        lossCurves(test).ifPresent(lines::add);
        reference(test).ifPresent(this::addScores);
      }
    }
  }

  private static String heading(int k) {
    return k == 0 ? "all" : "K = " + k;
  }

  private Study.Table aucTable(Outcomes outcomes, String data) throws IOException {
    Grid grid = outcomes.grid();
    List<Study.Row> rows = new ArrayList<>();
    RecData set = runners.data(data);
    Heuristics.all(set.test(), set.train())
        .forEach((name, scores) -> {
          String auc = "%.2f".formatted(100 * Evaluation.of(set.test(), scores).auc());
          rows.add(new Study.Row(name, Origin.NO_MODEL, grid.k().stream().map(k -> auc).toList()));
        });
    Map<String, Map<Integer, Double>> paper = PaperTable.read(data);
    for (String variant : grid.variants().keySet()) {
      rows.add(
          new Study.Row(
              variant,
              Origin.OURS,
              grid.k().stream()
                  .map(k ->
                      outcomes.figure(variant, data, k).map(Outcomes.Figure::toString).orElse(""))
                  .toList()));
    }
    for (Map.Entry<String, Map<Integer, Double>> row : paper.entrySet()) {
      if (grid.variants().containsKey(row.getKey())) {
        rows.add(
            new Study.Row(
                row.getKey() + (row.getKey().equals(TUNED) ? " (LLaMA-7B)" : ""),
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
        "Test AUC x 100 on %s, mean ± standard deviation over seeds.".formatted(data),
        grid.k().stream().map(StudyBuilder::heading).toList(),
        rows);
  }

  /** A grid's runs on a data set with the largest K. */
  private record TestSet(Outcomes outcomes, String data, List<RecExample> examples, int k) {

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
  }

  private record Scored(TestSet test, String variant, Grid.Cell cell, double[] scores) {}

  /** The tuned model's first run, or that of the last variant where none has its name. */
  private static Optional<Scored> reference(TestSet test) throws IOException {
    Map<String, List<Grid.Cell>> all = test.byVariant();
    if (all.isEmpty()) {
      return Optional.empty();
    }
    String variant = all.containsKey(TUNED) ? TUNED : List.copyOf(all.keySet()).getLast();
    Grid.Cell cell = all.getOrDefault(variant, List.of()).getFirst();
    return Optional.of(new Scored(test, variant, cell, test.outcomes.scores(cell, test.data)));
  }

  private static Study.Table comparison(TestSet test) throws IOException {
    Map<String, List<Grid.Cell>> all = test.byVariant();
    String reference = reference(test).map(Scored::variant).orElse("");
    List<Grid.Cell> references = all.getOrDefault(reference, List.of());
    List<Study.Row> rows = new ArrayList<>();
    for (Map.Entry<String, List<Grid.Cell>> variant : all.entrySet()) {
      List<Double> within = new ArrayList<>();
      List<Double> differences = new ArrayList<>();
      int significant = 0;
      double seconds = 0;
      for (Grid.Cell cell : variant.getValue()) {
        double[] scores = test.outcomes.scores(cell, test.data);
        WithinUser.of(test.examples, scores).ifPresent(user -> within.add(user.auc()));
        seconds += test.outcomes.result(cell).seconds() / variant.getValue().size();
        for (Grid.Cell other : references) {
          if (other.seed() == cell.seed() && !variant.getKey().equals(reference)) {
            DeLong test1 =
                DeLong.compare(test.liked(), test.outcomes.scores(other, test.data), scores);
            differences.add(test1.difference());
            significant += test1.p() < SIGNIFICANT ? 1 : 0;
          }
        }
      }
      Interval interval =
          test.outcomes.result(variant.getValue().getFirst()).on(test.data).interval();
      rows.add(
          new Study.Row(
              variant.getKey(),
              Origin.OURS,
              List.of(
                  test.outcomes
                      .figure(variant.getKey(), test.data, test.k)
                      .map(Outcomes.Figure::toString)
                      .orElse(""),
                  interval == null
                      ? ""
                      : "%.2f to %.2f".formatted(100 * interval.low(), 100 * interval.high()),
                  within.isEmpty() ? "" : Outcomes.Figure.of(within).toString(),
                  differences.isEmpty()
                      ? ""
                      : "%+.2f".formatted(100 * Outcomes.Figure.of(differences).mean()),
                  differences.isEmpty()
                      ? ""
                      : "%d of %d".formatted(significant, differences.size()),
                  "%.0f".formatted(seconds))));
    }
    return new Study.Table(
        "%s: %s, %s, compared".formatted(test.outcomes.grid().title(), test.data, heading(test.k)),
        "AUC x 100; 95 %% interval by a bootstrap over users, first seed; AUC within users, weighted by their rows; what %s has more; in how many seeds DeLong's test finds that difference (p < 0.05, rows taken for independent); seconds a run."
            .formatted(reference),
        List.of(
            "AUC", "over users", "within users", reference + " has more", "p < 0.05", "seconds"),
        rows);
  }

  private static Optional<Study.LineChart> kshotCurve(Outcomes outcomes, String data) {
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

  private static Study.LineChart rocCurves(TestSet test) throws IOException {
    List<Study.Series> series = new ArrayList<>();
    for (Map.Entry<String, List<Grid.Cell>> variant : test.byVariant().entrySet()) {
      double[] scores = test.outcomes.scores(variant.getValue().getFirst(), test.data);
      series.add(RocCurve.of(variant.getKey(), scores, test.liked()));
    }
    return new Study.LineChart(
        "%s: %s, %s, ROC".formatted(test.outcomes.grid().title(), test.data, heading(test.k)),
        "share of disliked ranked above",
        "share of liked ranked above",
        false,
        series);
  }

  private static Optional<Study.LineChart> lossCurves(TestSet test) {
    List<Study.Series> series = new ArrayList<>();
    test.byVariant()
        .forEach((variant, cells) -> {
          List<CellResult.Point> curve = test.outcomes.result(cells.getFirst()).curve();
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
        : Optional.of(
            new Study.LineChart(
                "%s: %s, %s, training"
                    .formatted(test.outcomes.grid().title(), test.data, heading(test.k)),
                "step",
                "loss",
                false,
                series));
  }

  private void addScores(Scored scored) {
    List<Double> liked = new ArrayList<>();
    List<Double> disliked = new ArrayList<>();
    List<RecExample> examples = scored.test.examples;
    for (int i = 0; i < scored.scores.length; i++) {
      (examples.get(i).liked() ? liked : disliked).add(scored.scores[i]);
    }
    String what =
        "%s on %s, %s".formatted(scored.variant, scored.test.data, heading(scored.cell.k()));
    String title = "%s: scores of %s".formatted(scored.test.outcomes.grid().title(), what);
    histograms.add(
        new Study.Histogram(
            title, "score", List.of("liked", "disliked"), List.of(liked, disliked)));
    mistakes.addAll(Mistakes.worst(what, examples, scored.scores));
  }
}
