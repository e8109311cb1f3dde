package dev.tallrec.report;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.ToIntFunction;
import java.util.stream.Collectors;

/**
 * What is drawn: lines over areas.
 *
 * @param description in words, for those who do not see it
 * @param fromZero whether the y axis starts at 0 however high the lines are
 */
record Plot(
    String title,
    String xLabel,
    String yLabel,
    String description,
    boolean logX,
    boolean fromZero,
    List<Curve> curves) {

  /**
   * A line.
   *
   * @param style number of its colour and marker
   * @param marked whether each point is marked
   * @param area corners of a filled area; without any for none
   */
  record Curve(String name, int style, boolean marked, Points line, Points area) {}

  /** Points of a plane. */
  record Points(double[] x, double[] y) {

    static final Points NONE = new Points(new double[0], new double[0]);

    boolean isEmpty() {
      return x.length == 0;
    }
  }

  private static final int MARKED_POINTS = 12;
  private static final int FEWEST_BINS = 8;
  private static final int MOST_BINS = 40;

  /** A study's curves. */
  static Plot of(Study.LineChart chart, ToIntFunction<String> styles) {
    List<Curve> curves = new ArrayList<>();
    List<String> words = new ArrayList<>();
    for (Study.Series series : chart.series()) {
      Curve curve = curve(series, chart.logX(), styles);
      if (!curve.line.isEmpty()) {
        curves.add(curve);
        words.add(inWords(curve));
      }
    }
    String description =
        "Line chart of %s against %s%s"
            .formatted(chart.yLabel(), chart.xLabel(), chart.logX() ? " (logarithmic)" : "");
    return new Plot(
        chart.title(),
        chart.xLabel(),
        chart.yLabel(),
        sentence(description, words),
        chart.logX(),
        false,
        curves);
  }

  /** A study's distributions, each in per cent of its values. */
  static Plot of(Study.Histogram histogram, ToIntFunction<String> styles) {
    List<double[]> values =
        histogram.values().stream()
            .map(all ->
                all.stream()
                    .mapToDouble(Double::doubleValue)
                    .filter(Double::isFinite)
                    .sorted()
                    .toArray())
            .toList();
    double[] edges = edges(values);
    List<Curve> curves = new ArrayList<>();
    List<String> words = new ArrayList<>();
    for (int i = 0; i < values.size(); i++) {
      double[] sorted = values.get(i);
      String name = histogram.names().get(i);
      if (sorted.length > 0) {
        Points outline = outline(sorted, edges);
        curves.add(new Curve(name, styles.applyAsInt(name), false, outline, outline));
        words.add(
            "%s, n = %d, median %s"
                .formatted(name, sorted.length, Figures.brief(sorted[sorted.length / 2])));
      }
    }
    return new Plot(
        histogram.title(),
        histogram.xLabel(),
        "share of each, %",
        sentence("Histogram of " + histogram.xLabel(), words),
        false,
        true,
        curves);
  }

  private static String sentence(String what, List<String> curves) {
    return what
        + curves.stream().collect(Collectors.joining("; ", curves.isEmpty() ? "" : ": ", "."));
  }

  private static Curve curve(Study.Series series, boolean logX, ToIntFunction<String> styles) {
    int size = Math.min(series.x().size(), series.y().size());
    double[] x = new double[size];
    double[] y = new double[size];
    double[] spread = new double[size];
    int count = 0;
    for (int i = 0; i < size; i++) {
      double atX = series.x().get(i);
      double atY = series.y().get(i);
      if (Double.isFinite(atX) && Double.isFinite(atY) && (!logX || atX > 0)) {
        x[count] = atX;
        y[count] = atY;
        double around = i < series.spread().size() ? series.spread().get(i) : 0;
        spread[count] = Double.isFinite(around) ? Math.abs(around) : 0;
        count++;
      }
    }
    Points line = new Points(Arrays.copyOf(x, count), Arrays.copyOf(y, count));
    return new Curve(
        series.name(),
        styles.applyAsInt(series.name()),
        count <= MARKED_POINTS,
        line,
        series.spread().isEmpty() ? Points.NONE : band(line, spread));
  }

  /** Along the upper edge and back along the lower. */
  private static Points band(Points line, double[] spread) {
    int size = line.x.length;
    double[] x = new double[2 * size];
    double[] y = new double[2 * size];
    for (int i = 0; i < size; i++) {
      int back = 2 * size - 1 - i;
      x[i] = line.x[i];
      x[back] = line.x[i];
      y[i] = line.y[i] + spread[i];
      y[back] = line.y[i] - spread[i];
    }
    return new Points(x, y);
  }

  private static String inWords(Curve curve) {
    double[] x = curve.line.x;
    double[] y = curve.line.y;
    int last = x.length - 1;
    String end = "%s at %s".formatted(Figures.brief(y[last]), Figures.brief(x[last]));
    return last == 0
        ? "%s, %s".formatted(curve.name, end)
        : "%s, from %s at %s to %s"
            .formatted(curve.name, Figures.brief(y[0]), Figures.brief(x[0]), end);
  }

  private static double[] edges(List<double[]> values) {
    double low = Double.POSITIVE_INFINITY;
    double high = Double.NEGATIVE_INFINITY;
    int most = 0;
    for (double[] sorted : values) {
      if (sorted.length > 0) {
        low = Math.min(low, sorted[0]);
        high = Math.max(high, sorted[sorted.length - 1]);
        most = Math.max(most, sorted.length);
      }
    }
    if (low == high) {
      double margin = Math.max(0.5, Math.abs(low) / 10);
      low -= margin;
      high += margin;
    }
    int bins = Math.clamp(Math.round(2 * Math.cbrt(most)), FEWEST_BINS, MOST_BINS);
    double[] edges = new double[bins + 1];
    for (int i = 0; i <= bins; i++) {
      edges[i] = low + (high - low) * i / bins;
    }
    return edges;
  }

  private static Points outline(double[] values, double[] edges) {
    int bins = edges.length - 1;
    double width = (edges[bins] - edges[0]) / bins;
    double[] share = new double[bins];
    for (double value : values) {
      share[Math.clamp((int) ((value - edges[0]) / width), 0, bins - 1)] += 100.0 / values.length;
    }
    double[] x = new double[2 * bins + 2];
    double[] y = new double[2 * bins + 2];
    for (int i = 0; i <= bins; i++) {
      x[2 * i] = edges[i];
      x[2 * i + 1] = edges[i];
      y[2 * i] = i == 0 ? 0 : share[i - 1];
      y[2 * i + 1] = i == bins ? 0 : share[i];
    }
    return new Points(x, y);
  }
}
