package dev.tallrec.benchmarks;

import java.util.Locale;

/**
 * Ratios and their intervals drawn as inline SVG around 1, on one logarithmic scale: half as fast
 * is as far from the middle as twice as fast.
 */
final class IntervalBar {

  private static final int WIDTH = 240;
  private static final int HEIGHT = 22;

  /** One wild ratio must not press all the others into a dot; what lies beyond is cut. */
  private static final double LARGEST_REACH = Math.log(2);

  private static final double MARGIN = 1.15;

  private final double reach;
  private final double threshold;

  IntervalBar(Comparison comparison) {
    this.threshold = comparison.threshold();
    double widest = 2 * -Math.log(1 - threshold);
    for (Comparison.Row row : comparison.rows()) {
      for (double ratio : new double[] {row.low(), row.high(), row.ratio()}) {
        double distance = Math.abs(Math.log(ratio));
        widest = Double.isFinite(distance) ? Math.max(widest, distance) : widest;
      }
    }
    this.reach = Math.min(MARGIN * widest, LARGEST_REACH);
  }

  /** Ratio at the left end. */
  double lowest() {
    return Math.exp(-reach);
  }

  /** Ratio at the right end. */
  double highest() {
    return Math.exp(reach);
  }

  /** With decimal points whatever the locale: a browser takes a comma for another number. */
  String svg(Comparison.Row row) {
    double left = x(row.low());
    double right = Math.max(x(row.high()), left + 2);
    return String.format(
            Locale.ROOT,
            "<svg class=\"bar\" viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%.3f to %.3f\">",
            WIDTH,
            HEIGHT,
            row.low(),
            row.high())
        + rectangle("band", x(1 - threshold), x(1 / (1 - threshold)), 0, HEIGHT)
        + rectangle("axis", x(1) - 0.5, x(1) + 0.5, 0, HEIGHT)
        + rectangle("range", left, right, HEIGHT / 2.0 - 5, 10)
        + String.format(
            Locale.ROOT,
            "<circle class=\"ratio\" cx=\"%.1f\" cy=\"%.1f\" r=\"3.5\" /></svg>",
            x(row.ratio()),
            HEIGHT / 2.0);
  }

  private static String rectangle(String kind, double left, double right, double top, double high) {
    return String.format(
        Locale.ROOT,
        "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" />",
        kind,
        left,
        top,
        right - left,
        high);
  }

  private double x(double ratio) {
    double at = Math.log(ratio) / reach;
    return WIDTH * (1 + Math.clamp(Double.isNaN(at) ? 0 : at, -1, 1)) / 2;
  }
}
