package dev.tallrec.experiment;

import dev.tallrec.rec.RecExample;
import dev.tallrec.report.Study;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/** Makes of grids' outcomes what a report shows. */
public final class StudyBuilder {

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
    facts.add("Base model: %s, on %s.".formatted(base, machines(all)));
    for (Outcomes outcomes : all) {
      addFacts(outcomes);
      if (outcomes.byCell().isEmpty()) {
        continue;
      }
      for (String data : outcomes.grid().testSets()) {
        tables.add(AucTable.of(outcomes, data, runners.data(data)));
        TestSet test = TestSet.read(outcomes, data, runners.data(data));
        if (!test.byVariant().isEmpty()) {
          add(test);
        }
      }
    }
    return new Study(title, facts, tables, lines, histograms, mistakes);
  }

  /** What the runs were measured on; what is at hand now where none is done. */
  private String machines(List<Outcomes> all) {
    String measured =
        all.stream()
            .flatMap(outcomes -> outcomes.byCell().values().stream())
            .map(CellResult::machine)
            .distinct()
            .collect(Collectors.joining("; and on "));
    return measured.isEmpty() ? runners.machine() : measured;
  }

  private void addFacts(Outcomes outcomes) {
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
  }

  private void add(TestSet test) {
    facts.addAll(AlikeRankings.of(test));
    tables.add(ComparisonTable.of(test));
    StudyCurves.kshot(test.outcomes(), test.data()).ifPresent(lines::add);
    lines.add(StudyCurves.roc(test));
    StudyCurves.loss(test).ifPresent(lines::add);
    addScores(test);
  }

  /** How the reference's first run scored, and where it was most wrong. */
  private void addScores(TestSet test) {
    String reference = test.reference();
    Grid.Cell cell = test.byVariant().getOrDefault(reference, List.of()).getFirst();
    double[] scores = test.scores(cell);
    List<Double> liked = new ArrayList<>();
    List<Double> disliked = new ArrayList<>();
    List<RecExample> examples = test.examples();
    for (int i = 0; i < scores.length; i++) {
      (examples.get(i).liked() ? liked : disliked).add(scores[i]);
    }
    String title = test.title("scores of " + reference);
    histograms.add(
        new Study.Histogram(
            title, "score", List.of("liked", "disliked"), List.of(liked, disliked)));
    mistakes.addAll(Mistakes.worst(reference + ", " + test.data(), examples, scores));
  }
}
