package dev.tallrec.cli;

import dev.tallrec.report.ChartImage;
import dev.tallrec.report.Study;
import dev.tallrec.train.TrainingListener;
import dev.tallrec.train.TrainingResult;
import dev.tallrec.tune.RunResults;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToDoubleFunction;

/** Draws how a run went: training loss and validation AUC over the optimizer steps. */
final class RunPlot {

  private RunPlot() {}

  /**
   * Writes a PNG with the loss of each stage, and the rec stage's validation AUC.
   *
   * @return whether there is one: nothing is to be drawn of a run that trained nothing
   */
  static boolean write(RunResults results, Path file) throws IOException {
    List<Study.LineChart> charts = new ArrayList<>();
    for (RunResults.Stage stage : results.stages()) {
      TrainingResult training = stage.training();
      if (training != null) {
        charts.add(loss(stage.name(), training));
        if (stage.name().equals(RunResults.Stage.REC)) {
          charts.add(auc(training, results));
        }
      }
    }
    if (charts.isEmpty()) {
      return false;
    }
    ChartImage.write(charts, file);
    return true;
  }

  private static Study.LineChart loss(String stage, TrainingResult training) {
    List<Study.Series> series = new ArrayList<>();
    List<TrainingListener.Step> steps = training.stepLog();
    series.add(
        series(
            "training",
            steps.stream().map(step -> (double) step.step()).toList(),
            steps.stream().map(TrainingListener.Step::loss).toList()));
    if (stage.equals(RunResults.Stage.INSTRUCTION)) {
      // Of this stage the score is the loss, negative as the highest is the best.
      series.add(evaluations("validation", training, evaluated -> -evaluated.score()));
    }
    return chart(stage + " stage: loss per label", "loss", series);
  }

  private static Study.LineChart auc(TrainingResult training, RunResults results) {
    List<Study.Series> series = new ArrayList<>();
    series.add(evaluations("tallrec", training, TrainingListener.Evaluated::score));
    results
        .likedShare()
        .forEach((data, split) ->
            series.add(
                evaluations(
                    "share of liked items (" + data + ")", training, _ -> split.valid().auc())));
    return chart("rec stage: validation AUC", "AUC", series);
  }

  private static Study.Series evaluations(
      String name, TrainingResult training, ToDoubleFunction<TrainingListener.Evaluated> y) {
    List<TrainingListener.Evaluated> evaluations = training.evaluationLog();
    return series(
        name,
        evaluations.stream().map(evaluated -> (double) evaluated.step()).toList(),
        evaluations.stream().map(y::applyAsDouble).toList());
  }

  private static Study.Series series(String name, List<Double> x, List<Double> y) {
    return new Study.Series(name, x, y, List.of());
  }

  private static Study.LineChart chart(String title, String yLabel, List<Study.Series> series) {
    return new Study.LineChart(title, "optimizer step", yLabel, false, series);
  }
}
