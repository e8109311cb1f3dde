package dev.tallrec.report;

import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import javax.imageio.ImageIO;
import javax.imageio.stream.ImageOutputStream;
import javax.imageio.stream.MemoryCacheImageOutputStream;

/** A study's charts as PNG images; a name has one colour in all of them. */
final class StudyCharts {

  static {
    Drawing.prepare();
  }

  private final Map<String, Integer> styles = new HashMap<>();
  private final List<Plot> plots = new ArrayList<>();

  /** Curves first, then histograms. */
  StudyCharts(Study study) {
    this(study.lines(), study.histograms());
  }

  private StudyCharts(List<Study.LineChart> lines, List<Study.Histogram> histograms) {
    List<List<String>> together = new ArrayList<>();
    lines.forEach(chart -> together.add(chart.series().stream().map(Study.Series::name).toList()));
    histograms.forEach(histogram -> together.add(histogram.names()));
    together.forEach(names -> names.forEach(name -> style(name, together)));
    lines.forEach(chart -> plots.add(Plot.of(chart, this::style)));
    histograms.forEach(histogram -> plots.add(Plot.of(histogram, this::style)));
  }

  /** Charts that are of no study. */
  static StudyCharts of(List<Study.LineChart> lines) {
    return new StudyCharts(lines, List.of());
  }

  /** Gives a name the first colour that no name beside it in any chart has. */
  private void style(String name, List<List<String>> together) {
    if (styles.containsKey(name)) {
      return;
    }
    Set<Integer> taken = new HashSet<>();
    for (List<String> names : together) {
      if (names.contains(name)) {
        names.forEach(other -> taken.add(styles.getOrDefault(other, -1)));
      }
    }
    int style = 0;
    while (taken.contains(style)) {
      style++;
    }
    styles.put(name, style);
  }

  private int style(String name) {
    return styles.getOrDefault(name, 0);
  }

  List<Plot> plots() {
    return List.copyOf(plots);
  }

  /** An image of a chart that shows its own title. */
  static byte[] titled(Plot plot, ChartTheme theme, ChartSize size) {
    return png(new PlotPainter(plot, theme, size).paint(true));
  }

  /** An image of a chart for where its title stands already. */
  static byte[] untitled(Plot plot, ChartTheme theme, ChartSize size) {
    return png(new PlotPainter(plot, theme, size).paint(false));
  }

  /** An image as a file holds it. */
  static byte[] png(BufferedImage image) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ImageOutputStream out = new MemoryCacheImageOutputStream(bytes)) {
      ImageIO.write(image, "png", out);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return bytes.toByteArray();
  }
}
