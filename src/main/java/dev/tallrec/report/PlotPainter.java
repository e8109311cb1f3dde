package dev.tallrec.report;

import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Font;
import java.awt.FontMetrics;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.geom.Line2D;
import java.awt.image.BufferedImage;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.SequencedSet;
import java.util.TreeSet;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.Styler;
import org.knowm.xchart.style.XYStyler;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** Draws a plot: its title if wanted, XChart's chart, and the legend. */
final class PlotPainter {

  private static final Font TITLE = new Font(Font.SANS_SERIF, Font.BOLD, 16);
  private static final Font LABEL = new Font(Font.SANS_SERIF, Font.PLAIN, 13);
  private static final Font TICK = new Font(Font.SANS_SERIF, Font.PLAIN, 12);
  private static final int TITLE_LINE = 22;
  private static final int PADDING = 10;

  /** For what stands below the x axis, which XChart cannot be told the ticks of. */
  private static final int AXIS_STRIP = 44;

  private static final int UNITS_PER_TICK = 80;

  private static final int BAND_ALPHA = 48;
  private static final BasicStroke HAIR = new BasicStroke(1);
  private static final BasicStroke NO_LINE =
      new BasicStroke(0, BasicStroke.CAP_BUTT, BasicStroke.JOIN_ROUND, 10, new float[] {0, 9}, 0);

  private final Plot plot;
  private final ChartTheme theme;
  private final ChartSize size;
  private final Range x;
  private final Range y;

  PlotPainter(Plot plot, ChartTheme theme, ChartSize size) {
    this.plot = plot;
    this.theme = theme;
    this.size = size;
    this.x = xRange();
    this.y = yRange();
  }

  /** The image, two pixels to a unit of {@link ChartSize}. */
  BufferedImage paint(boolean titled) {
    FontMetrics metrics = metrics(PlotLegend.FONT);
    PlotLegend legend = new PlotLegend(plot, size.width(), metrics);
    List<String> title = titled ? wrapped(plot.title(), metrics(TITLE)) : List.of();
    int top = title.isEmpty() ? 0 : title.size() * TITLE_LINE + PADDING;
    int height = top + size.plotHeight() + legend.height();
    BufferedImage image =
        new BufferedImage(
            size.width() * ChartSize.SCALE, height * ChartSize.SCALE, BufferedImage.TYPE_INT_RGB);
    Graphics2D graphics = graphics(image);
    graphics.setColor(theme.background());
    graphics.fillRect(0, 0, size.width(), height);
    graphics.setColor(theme.ink());
    graphics.setFont(TITLE);
    for (int i = 0; i < title.size(); i++) {
      graphics.drawString(title.get(i), 16, PADDING + TITLE_LINE * i + 16);
    }
    if (plot.curves().isEmpty()) {
      graphics.setColor(theme.muted());
      graphics.setFont(LABEL);
      String nothing = "Nothing to draw yet";
      graphics.drawString(
          nothing, (size.width() - metrics.stringWidth(nothing)) / 2, top + size.plotHeight() / 2);
    } else {
      paintChart(image, top);
      legend.paint(graphics, top + size.plotHeight(), theme);
    }
    graphics.dispose();
    return image;
  }

  private void paintChart(BufferedImage image, int top) {
    int scale = ChartSize.SCALE;
    // Its own part of the image: XChart fills what it is given.
    Graphics2D graphics =
        graphics(image.getSubimage(0, top * scale, image.getWidth(), size.plotHeight() * scale));
    int height = size.plotHeight() - AXIS_STRIP;
    XYChart chart = chart(height);
    chart.paint(graphics, size.width(), height);
    paintXAxis(chart, graphics, height);
    graphics.dispose();
  }

  private XYChart chart(int height) {
    XYChart chart = new XYChart(size.width(), height, Styler.ChartTheme.XChart);
    style(chart.getStyler());
    chart.setYAxisTitle(Figures.oneLine(plot.yLabel()));
    chart.getStyler().setXAxisTicksVisible(false).setXAxisTitleVisible(false);
    chart.getStyler().setPlotGridVerticalLinesVisible(false);
    for (double tick : ticks()) {
      double at = onAxis(tick);
      line(chart, "tick " + tick, new double[] {at, at}, new double[] {y.low, y.high})
          .setLineColor(theme.grid())
          .setLineStyle(HAIR);
    }
    for (int i = 0; i < plot.curves().size(); i++) {
      area(chart, i, plot.curves().get(i));
    }
    for (int i = 0; i < plot.curves().size(); i++) {
      Plot.Curve curve = plot.curves().get(i);
      Color colour = theme.series(curve.style());
      XYSeries series = line(chart, "line " + i, onAxis(curve.line().x()), curve.line().y());
      series.setLineColor(colour).setLineStyle(PlotLegend.stroke(curve.style()));
      if (curve.marked()) {
        series.setMarker(PlotLegend.marker(curve.style())).setMarkerColor(colour);
      }
    }
    return chart;
  }

  private void area(XYChart chart, int index, Plot.Curve curve) {
    if (!curve.area().isEmpty()) {
      Color colour = theme.series(curve.style());
      XYSeries area = line(chart, "area " + index, onAxis(curve.area().x()), curve.area().y());
      area.setXYSeriesRenderStyle(XYSeries.XYSeriesRenderStyle.PolygonArea);
      area.setLineStyle(NO_LINE);
      area.setFillColor(
          new Color(colour.getRed(), colour.getGreen(), colour.getBlue(), BAND_ALPHA));
    }
  }

  private static XYSeries line(XYChart chart, String name, double[] x, double[] y) {
    XYSeries series = chart.addSeries(name, x, y);
    series.setMarker(SeriesMarkers.NONE);
    return series;
  }

  private void style(XYStyler styler) {
    styler.setLegendVisible(false);
    styler.setChartTitleVisible(false);
    styler.setLocale(Locale.ROOT);
    styler.setChartPadding(PADDING);
    styler.setPlotContentSize(1);
    styler.setPlotMargin(0);
    styler.setMarkerSize(PlotLegend.MARKER_SIZE);
    styler.setChartBackgroundColor(theme.background());
    styler.setPlotBackgroundColor(theme.background());
    styler.setPlotBorderVisible(false);
    styler.setPlotGridLinesColor(theme.grid());
    styler.setPlotGridLinesStroke(HAIR);
    styler.setChartFontColor(theme.ink());
    styler.setXAxisTitleColor(theme.ink());
    styler.setYAxisTitleColor(theme.ink());
    styler.setAxisTitleFont(LABEL);
    styler.setAxisTickLabelsFont(TICK);
    styler.setAxisTickLabelsColor(theme.muted());
    styler.setAxisTickMarksColor(theme.grid());
    styler.setAxisTickMarksStroke(HAIR);
    styler.setXAxisMin(x.low).setXAxisMax(x.high).setYAxisMin(y.low).setYAxisMax(y.high);
  }

  /** Ticks, labelled as far as the labels do not run into each other, and the axis label. */
  private void paintXAxis(XYChart chart, Graphics2D graphics, int height) {
    double bottom = chart.getScreenYFromChart(y.low);
    double left = chart.getScreenXFromChart(x.low);
    double right = chart.getScreenXFromChart(x.high);
    graphics.setStroke(HAIR);
    graphics.setColor(theme.grid());
    graphics.draw(new Line2D.Double(left, bottom, right, bottom));
    graphics.setFont(TICK);
    FontMetrics metrics = graphics.getFontMetrics();
    double free = 0;
    for (double tick : ticks()) {
      String label = Figures.brief(tick);
      double at = chart.getScreenXFromChart(onAxis(tick));
      int width = metrics.stringWidth(label);
      double start = Math.min(at - width / 2.0, size.width() - width - 2);
      if (start >= free) {
        graphics.setColor(theme.grid());
        graphics.draw(new Line2D.Double(at, bottom, at, bottom + 4));
        graphics.setColor(theme.muted());
        graphics.drawString(label, (float) start, (float) bottom + 18);
        free = start + width + 6;
      }
    }
    graphics.setFont(LABEL);
    graphics.setColor(theme.ink());
    String label = Figures.oneLine(plot.xLabel());
    double middle = (left + right - graphics.getFontMetrics().stringWidth(label)) / 2;
    graphics.drawString(label, (float) middle, height + AXIS_STRIP - PADDING);
  }

  /** The curves' own x on a logarithmic axis, round numbers on any other. */
  private SequencedSet<Double> ticks() {
    SequencedSet<Double> all = new TreeSet<>();
    if (plot.logX()) {
      for (Plot.Curve curve : plot.curves()) {
        for (double value : curve.line().x()) {
          all.add(value);
        }
      }
    } else {
      double step = roundUp((x.high - x.low) * UNITS_PER_TICK / size.width());
      double first = Math.ceil(x.low / step - 1e-9) * step;
      int more = (int) ((x.high - first) / step + 1e-9);
      for (int i = 0; i <= more; i++) {
        all.add(first + i * step);
      }
    }
    return all;
  }

  /** The next of 1, 2, 5, 10, 20 and so on. */
  private static double roundUp(double step) {
    double power = Math.pow(10, Math.floor(Math.log10(step)));
    for (int digit : new int[] {1, 2, 5}) {
      if (digit * power >= step) {
        return digit * power;
      }
    }
    return 10 * power;
  }

  private double onAxis(double value) {
    return plot.logX() ? Math.log(value) : value;
  }

  private double[] onAxis(double[] values) {
    double[] moved = values.clone();
    for (int i = 0; i < moved.length; i++) {
      moved[i] = onAxis(moved[i]);
    }
    return moved;
  }

  private record Range(double low, double high) {

    static Range of(List<double[]> all) {
      double low = Double.POSITIVE_INFINITY;
      double high = Double.NEGATIVE_INFINITY;
      for (double[] values : all) {
        for (double value : values) {
          low = Math.min(low, value);
          high = Math.max(high, value);
        }
      }
      if (low > high) {
        return new Range(0, 1);
      }
      double margin = low < high ? 0 : Math.max(0.5, Math.abs(low) / 10);
      return new Range(low - margin, high + margin);
    }

    Range widened(double share) {
      return new Range(low - share * (high - low), high + share * (high - low));
    }
  }

  private Range xRange() {
    Range range = Range.of(plot.curves().stream().map(curve -> onAxis(curve.line().x())).toList());
    boolean marked = plot.curves().stream().anyMatch(Plot.Curve::marked);
    return marked ? range.widened(0.05) : range;
  }

  private Range yRange() {
    List<double[]> all = new ArrayList<>();
    for (Plot.Curve curve : plot.curves()) {
      all.add(curve.line().y());
      all.add(curve.area().y());
    }
    Range range = Range.of(all);
    Range wide = range.widened(0.05);
    boolean zero = plot.fromZero() || (range.low >= 0 && wide.low < 0);
    // A little below, or XChart leaves out the tick at 0.
    return zero ? new Range(-0.002 * wide.high, wide.high) : wide;
  }

  private List<String> wrapped(String text, FontMetrics metrics) {
    List<String> lines = new ArrayList<>();
    StringBuilder line = new StringBuilder();
    for (String word : Figures.oneLine(text).split(" ")) {
      String longer = line.isEmpty() ? word : line + " " + word;
      if (!line.isEmpty() && metrics.stringWidth(longer) > size.width() - 32) {
        lines.add(line.toString());
        line.setLength(0);
        longer = word;
      }
      line.setLength(0);
      line.append(longer);
    }
    lines.add(line.toString());
    return lines;
  }

  private static FontMetrics metrics(Font font) {
    Graphics2D graphics = graphics(new BufferedImage(1, 1, BufferedImage.TYPE_INT_RGB));
    FontMetrics metrics = graphics.getFontMetrics(font);
    graphics.dispose();
    return metrics;
  }

  private static Graphics2D graphics(BufferedImage image) {
    Graphics2D graphics = image.createGraphics();
    graphics.scale(ChartSize.SCALE, ChartSize.SCALE);
    graphics.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
    graphics.setRenderingHint(
        RenderingHints.KEY_TEXT_ANTIALIASING, RenderingHints.VALUE_TEXT_ANTIALIAS_ON);
    graphics.setRenderingHint(RenderingHints.KEY_STROKE_CONTROL, RenderingHints.VALUE_STROKE_PURE);
    return graphics;
  }
}
