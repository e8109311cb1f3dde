package dev.tallrec.benchmarks;

import dev.tallrec.files.AtomicFiles;
import dev.tallrec.report.Drawing;
import java.awt.BasicStroke;
import java.awt.Color;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import javax.imageio.ImageIO;
import org.apache.commons.math3.stat.StatUtils;
import org.jspecify.annotations.Nullable;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.CategoryChart;
import org.knowm.xchart.CategoryChartBuilder;
import org.knowm.xchart.CategorySeries;
import org.knowm.xchart.style.CategoryStyler;
import org.knowm.xchart.style.Styler;

/** Draws a group's speeds over commits, those of one machine: other machines, other plots. */
final class HistoryPlot {

  private static final int WIDTH = 1200;
  private static final int HEIGHT = 480;
  private static final int LEGEND_LINE = 24;
  private static final int MARGIN = 120;
  private static final int COMMIT_LENGTH = 16;

  /** Dark enough for thin lines on white, and told apart by the colour-blind. */
  private static final Color[] COLOURS = {
    new Color(0x0072b2),
    new Color(0xd55e00),
    new Color(0x007a5a),
    new Color(0xb0498a),
    new Color(0x8a6d00),
    new Color(0x3d3d3d),
    new Color(0x2f9fd6)
  };

  private record Subject(String group, String fingerprint, String unit) {

    /** What a history says becomes part of a path, so only what cannot lead elsewhere stays. */
    String fileName() {
      return "%s-%s-%s.png".formatted(group, fingerprint, unit).replaceAll("[^A-Za-z0-9.-]", "_");
    }
  }

  private HistoryPlot() {}

  /** Writes a plot per group and machine; returns where. */
  static List<Path> write(List<HistoryEntry> entries, Path directory) throws IOException {
    Drawing.prepare();
    Map<Subject, List<HistoryEntry>> subjects =
        new TreeMap<>(
            Comparator.comparing(Subject::group)
                .thenComparing(Subject::fingerprint)
                .thenComparing(Subject::unit));
    for (HistoryEntry entry : entries) {
      subjects
          .computeIfAbsent(
              new Subject(entry.group(), entry.fingerprint(), entry.unit()), _ -> new ArrayList<>())
          .add(entry);
    }
    List<Path> files = new ArrayList<>();
    for (Map.Entry<Subject, List<HistoryEntry>> subject : subjects.entrySet()) {
      Path file = directory.resolve(subject.getKey().fileName());
      CategoryChart chart = chart(subject.getKey(), subject.getValue());
      AtomicFiles.replaceFile(
          file,
          aside -> {
            try (OutputStream out = Files.newOutputStream(aside)) {
              ImageIO.write(BitmapEncoder.getBufferedImage(chart), "png", out);
            }
          });
      files.add(file);
    }
    return files;
  }

  /** The speeds of each benchmark, one a commit in the order of their dates, null for none. */
  static Map<String, List<@Nullable Double>> series(List<HistoryEntry> entries) {
    List<String> commits = commits(entries);
    Map<String, List<@Nullable Double>> series = new TreeMap<>();
    for (HistoryEntry entry : byDate(entries)) {
      List<@Nullable Double> speeds =
          series.computeIfAbsent(
              entry.benchmark(), _ -> new ArrayList<>(Collections.nCopies(commits.size(), null)));
      // A commit that was recorded again: the later figure, as what was wrong with the first is
      // why.
      speeds.set(commits.indexOf(entry.commit()), entry.median());
    }
    return series;
  }

  private static CategoryChart chart(Subject subject, List<HistoryEntry> entries) {
    Map<String, List<@Nullable Double>> series = series(entries);
    CategoryChart chart =
        new CategoryChartBuilder()
            .width(WIDTH)
            .height(Math.max(HEIGHT, MARGIN + LEGEND_LINE * series.size()))
            .title("%s on machine %s".formatted(subject.group(), subject.fingerprint()))
            .xAxisTitle("commit")
            .yAxisTitle(subject.unit())
            .build();
    style(chart.getStyler(), entries);
    List<String> commits = commits(entries).stream().map(HistoryPlot::shortened).toList();
    int number = 0;
    for (Map.Entry<String, List<@Nullable Double>> one : series.entrySet()) {
      CategorySeries line =
          chart.addSeries(withoutGroup(one.getKey(), subject.group()), commits, one.getValue());
      line.setLineStyle(stroke(number / COLOURS.length));
      number++;
    }
    return chart;
  }

  private static void style(CategoryStyler styler, List<HistoryEntry> entries) {
    styler.setDefaultSeriesRenderStyle(CategorySeries.CategorySeriesRenderStyle.Line);
    styler.setLegendPosition(Styler.LegendPosition.OutsideE);
    styler.setChartBackgroundColor(Color.WHITE);
    styler.setSeriesColors(COLOURS);
    // Otherwise lines stand side by side as bars would, beside the commit they belong to.
    styler.setOverlapped(true);
    styler.setYAxisLogarithmic(true);
    styler.setXAxisLabelRotation(45);
    // Whole decades, or an axis within one has no figure on it.
    double[] speeds = entries.stream().mapToDouble(HistoryEntry::median).toArray();
    styler.setYAxisMin(Math.pow(10, Math.floor(Math.log10(StatUtils.min(speeds)))));
    styler.setYAxisMax(Math.pow(10, Math.floor(Math.log10(StatUtils.max(speeds))) + 1));
  }

  /** Dashed where colours come round again. */
  private static BasicStroke stroke(int round) {
    float[] dashes = round == 0 ? null : new float[] {round == 1 ? 8 : 2, 4};
    return new BasicStroke(2, BasicStroke.CAP_BUTT, BasicStroke.JOIN_ROUND, 10, dashes, 0);
  }

  private static String withoutGroup(String benchmark, String group) {
    return benchmark.startsWith(group + ".") ? benchmark.substring(group.length() + 1) : benchmark;
  }

  private static String shortened(String commit) {
    return commit.length() <= COMMIT_LENGTH ? commit : commit.substring(0, COMMIT_LENGTH);
  }

  static List<String> commits(List<HistoryEntry> entries) {
    LinkedHashSet<String> commits = new LinkedHashSet<>();
    byDate(entries).forEach(entry -> commits.add(entry.commit()));
    return List.copyOf(commits);
  }

  private static List<HistoryEntry> byDate(List<HistoryEntry> entries) {
    return entries.stream().sorted(Comparator.comparing(HistoryEntry::when)).toList();
  }
}
