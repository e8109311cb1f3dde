package dev.tallrec.cli;

import dev.tallrec.files.AtomicFiles;
import dev.tallrec.report.Drawing;
import dev.tallrec.train.TrainingListener;
import dev.tallrec.train.TrainingResult;
import dev.tallrec.tune.RunResults;
import java.awt.Color;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import javax.imageio.ImageIO;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.style.Styler;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** Draws how a run went: training loss and validation AUC over the optimizer steps. */
final class RunPlot {

  private static final int WIDTH = 1200;
  private static final int HEIGHT = 420;

  static {
    Drawing.prepare();
  }

  private RunPlot() {}

  /**
   * Writes a PNG with the loss of each stage, and the rec stage's validation AUC.
   *
   * @return whether there is one: nothing is to be drawn of a run that trained nothing
   */
  static boolean write(RunResults results, Path file) throws IOException {
    List<XYChart> charts = new ArrayList<>();
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
    AtomicFiles.replaceFile(
        file,
        aside -> {
          try (OutputStream out = Files.newOutputStream(aside)) {
            ImageIO.write(sideBySide(charts), "png", out);
          }
        });
    return true;
  }

  private static BufferedImage sideBySide(List<XYChart> charts) {
    int width = WIDTH / 2;
    BufferedImage image =
        new BufferedImage(width * charts.size(), HEIGHT, BufferedImage.TYPE_INT_RGB);
    for (int i = 0; i < charts.size(); i++) {
      image
          .getGraphics()
          .drawImage(BitmapEncoder.getBufferedImage(charts.get(i)), i * width, 0, null);
    }
    return image;
  }

  private static XYChart chart(String title, String yAxis) {
    XYChart chart =
        new XYChartBuilder()
            .width(WIDTH / 2)
            .height(HEIGHT)
            .title(title)
            .xAxisTitle("optimizer step")
            .yAxisTitle(yAxis)
            .build();
    chart.getStyler().setLegendPosition(Styler.LegendPosition.InsideNE);
    chart.getStyler().setChartBackgroundColor(Color.WHITE);
    return chart;
  }

  private static XYChart loss(String stage, TrainingResult training) {
    XYChart chart = chart(stage + " stage: loss per label", "loss");
    List<TrainingListener.Step> steps = training.stepLog();
    chart
        .addSeries(
            "training",
            steps.stream().mapToDouble(TrainingListener.Step::step).toArray(),
            steps.stream().mapToDouble(TrainingListener.Step::loss).toArray())
        .setMarker(SeriesMarkers.NONE);
    if (stage.equals(RunResults.Stage.INSTRUCTION)) {
      List<TrainingListener.Evaluated> evaluations = training.evaluationLog();
      chart.addSeries(
          "validation",
          evaluations.stream().mapToDouble(TrainingListener.Evaluated::step).toArray(),
          evaluations.stream().mapToDouble(e -> -e.score()).toArray());
    }
    return chart;
  }

  private static XYChart auc(TrainingResult training, RunResults results) {
    XYChart chart = chart("rec stage: validation AUC", "AUC");
    chart.getStyler().setLegendPosition(Styler.LegendPosition.InsideSE);
    List<TrainingListener.Evaluated> evaluations = training.evaluationLog();
    double[] steps = evaluations.stream().mapToDouble(TrainingListener.Evaluated::step).toArray();
    chart.addSeries(
        "tallrec",
        steps,
        evaluations.stream().mapToDouble(TrainingListener.Evaluated::score).toArray());
    results
        .likedShare()
        .forEach((data, split) -> {
          double[] flat = new double[steps.length];
          Arrays.fill(flat, split.valid().auc());
          chart
              .addSeries("share of liked items (" + data + ")", steps, flat)
              .setMarker(SeriesMarkers.NONE);
        });
    return chart;
  }
}
