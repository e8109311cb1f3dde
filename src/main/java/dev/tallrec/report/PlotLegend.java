package dev.tallrec.report;

import java.awt.BasicStroke;
import java.awt.Font;
import java.awt.FontMetrics;
import java.awt.Graphics2D;
import java.awt.geom.Line2D;
import java.util.ArrayList;
import java.util.List;
import org.knowm.xchart.style.markers.Marker;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** Names of a plot's curves beside a bit of each, in as many lines as it takes. */
final class PlotLegend {

  private static final Marker[] MARKERS = {
    SeriesMarkers.CIRCLE,
    SeriesMarkers.SQUARE,
    SeriesMarkers.DIAMOND,
    SeriesMarkers.TRIANGLE_UP,
    SeriesMarkers.TRIANGLE_DOWN,
    SeriesMarkers.OVAL,
    SeriesMarkers.TRAPEZOID
  };
  static final int MARKER_SIZE = 7;
  static final Font FONT = new Font(Font.SANS_SERIF, Font.PLAIN, 13);

  private static final int LINE_HEIGHT = 20;
  private static final int SAMPLE = 26;
  private static final int GAP = 6;
  private static final int BETWEEN = 18;
  private static final int MARGIN = 16;

  private record Entry(Plot.Curve curve, String name, int x, int line) {}

  private final List<Entry> entries = new ArrayList<>();
  private final int lines;

  /** Lays out what fits {@code width}. */
  PlotLegend(Plot plot, int width, FontMetrics metrics) {
    int x = MARGIN;
    int line = 0;
    for (Plot.Curve curve : plot.curves()) {
      String name = cut(Figures.oneLine(curve.name()), width - 2 * MARGIN - SAMPLE - GAP, metrics);
      int needed = SAMPLE + GAP + metrics.stringWidth(name);
      if (x > MARGIN && x + needed > width - MARGIN) {
        x = MARGIN;
        line++;
      }
      entries.add(new Entry(curve, name, x, line));
      x += needed + BETWEEN;
    }
    lines = entries.isEmpty() ? 0 : line + 1;
  }

  int height() {
    return lines == 0 ? 0 : lines * LINE_HEIGHT + MARGIN;
  }

  void paint(Graphics2D graphics, int top, ChartTheme theme) {
    graphics.setFont(FONT);
    for (Entry entry : entries) {
      Plot.Curve curve = entry.curve;
      double middle = top + 6 + (entry.line + 0.5) * LINE_HEIGHT;
      graphics.setColor(theme.series(curve.style()));
      graphics.setStroke(stroke(curve.style()));
      graphics.draw(new Line2D.Double(entry.x, middle, entry.x + SAMPLE, middle));
      if (curve.marked()) {
        marker(curve.style()).paint(graphics, entry.x + SAMPLE / 2.0, middle, MARKER_SIZE);
      }
      graphics.setColor(theme.ink());
      graphics.drawString(entry.name, entry.x + SAMPLE + GAP, (float) middle + 4.5f);
    }
  }

  static Marker marker(int style) {
    return MARKERS[style % MARKERS.length];
  }

  /** Whole at first, dashed for those whose colours come round again. */
  static BasicStroke stroke(int style) {
    int round = ChartTheme.round(style);
    float[] dashes = round == 0 ? null : new float[] {round == 1 ? 7 : 2, 4};
    return new BasicStroke(2.2f, BasicStroke.CAP_BUTT, BasicStroke.JOIN_ROUND, 10, dashes, 0);
  }

  private static String cut(String name, int width, FontMetrics metrics) {
    if (metrics.stringWidth(name) <= width) {
      return name;
    }
    int length = name.length();
    while (length > 0 && metrics.stringWidth(name.substring(0, length) + "…") > width) {
      length--;
    }
    return name.substring(0, length) + "…";
  }
}
