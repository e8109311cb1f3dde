package dev.tallrec.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class StudyChartsTest {

  private static final int INK_PIXELS = 200;

  private static Study of(Study.LineChart... charts) {
    return new Study("s", List.of(), List.of(), List.of(charts), List.of(), List.of());
  }

  private static Study.Series series(String name, double... y) {
    List<Double> x = IntStream.range(0, y.length).mapToObj(i -> (double) i).toList();
    return new Study.Series(name, x, Arrays.stream(y).boxed().toList(), List.of());
  }

  private static Study.LineChart chart(Study.Series... series) {
    return new Study.LineChart("c", "x", "y", false, List.of(series));
  }

  private static Plot only(Study study) {
    return new StudyCharts(study).plots().getFirst();
  }

  private static BufferedImage image(Plot plot, ChartTheme theme, ChartSize size)
      throws IOException {
    return ImageIO.read(new ByteArrayInputStream(StudyCharts.titled(plot, theme, size)));
  }

  private static int pixels(BufferedImage image, int colour) {
    int[] all = image.getRGB(0, 0, image.getWidth(), image.getHeight(), null, 0, image.getWidth());
    return (int) Arrays.stream(all).filter(pixel -> pixel == colour).count();
  }

  private static Set<Integer> colours(BufferedImage image) {
    Set<Integer> colours = new HashSet<>();
    for (int x = 0; x < image.getWidth(); x++) {
      for (int y = 0; y < image.getHeight(); y++) {
        colours.add(image.getRGB(x, y));
      }
    }
    return colours;
  }

  @ParameterizedTest
  @EnumSource
  void drawsEachCurveInItsColour(ChartTheme theme) throws IOException {
    for (ChartSize size : ChartSize.values()) {
      for (Plot plot : new StudyCharts(MadeUpStudy.full()).plots()) {
        BufferedImage image = image(plot, theme, size);

        assertThat(image.getWidth()).isEqualTo(2 * size.width());
        assertThat(image.getRGB(0, 0)).isEqualTo(theme.background().getRGB());
        for (Plot.Curve curve : plot.curves()) {
          assertThat(pixels(image, theme.series(curve.style()).getRGB()))
              .as(plot.title() + ": " + curve.name())
              .isGreaterThan(INK_PIXELS);
        }
      }
    }
  }

  @Test
  void keepsANamesColourAndTellsNeighboursApart() {
    List<Plot> plots =
        new StudyCharts(
                of(
                    chart(series("a", 1, 2), series("b", 2, 1)),
                    chart(series("c", 1, 2), series("b", 2, 1)),
                    chart(series("c", 1, 2), series("a", 2, 1))))
            .plots();

    List<List<Integer>> styles =
        plots.stream().map(plot -> plot.curves().stream().map(Plot.Curve::style).toList()).toList();
    assertThat(styles).containsExactly(List.of(0, 1), List.of(2, 1), List.of(2, 0));
  }

  @Test
  void drawsBandsBehindLines() throws IOException {
    Study.Series with =
        new Study.Series("a", List.of(1.0, 2.0), List.of(1.0, 2.0), List.of(0.5, Double.NaN));
    Study.Series without = new Study.Series("a", with.x(), with.y(), List.of());

    BufferedImage band = image(only(of(chart(with))), ChartTheme.LIGHT, ChartSize.WIDE);
    BufferedImage none = image(only(of(chart(without))), ChartTheme.LIGHT, ChartSize.WIDE);

    assertThat(only(of(chart(with))).curves().getFirst().area().y())
        .containsExactly(1.5, 2, 2, 0.5);
    int white = ChartTheme.LIGHT.background().getRGB();
    assertThat(pixels(band, white)).isLessThan(pixels(none, white) - 10_000);
  }

  @Test
  void drawsWhateverIsThere() throws IOException {
    Study study =
        of(
            chart(),
            chart(series("none")),
            chart(series("one", 0.5)),
            chart(series("flat", 3, 3, 3), series("flat", -1e-9, 0, 1e9)),
            chart(series("gap", 1, Double.NaN, 2)),
            new Study.LineChart("log", "x", "y", true, List.of(series("from zero", 1, 2, 3))));
    for (Plot plot : new StudyCharts(study).plots()) {
      assertThat(colours(image(plot, ChartTheme.DARK, ChartSize.NARROW))).hasSizeGreaterThan(10);
      assertThat(plot.description()).doesNotContain("NaN");
    }
  }

  @Test
  void keepsMoreCurvesThanColoursApart() throws IOException {
    Study.Series[] many =
        IntStream.range(0, 20)
            .mapToObj(i -> series("a rather long name of the curve numbered " + i, i, i + 1))
            .toArray(Study.Series[]::new);
    Plot plot = only(of(chart(many)));

    assertThat(plot.curves()).extracting(Plot.Curve::style).doesNotHaveDuplicates();
    assertThat(image(plot, ChartTheme.LIGHT, ChartSize.NARROW).getHeight())
        .isGreaterThan(2 * (ChartSize.NARROW.plotHeight() + 20 * 20));
  }

  @Test
  void countsEachValueOfAHistogramOnce() {
    Study.Histogram histogram =
        new Study.Histogram(
            "h",
            "x",
            List.of("a", "b"),
            List.of(List.of(0.0, 0.3, 1.0), List.of(1.0, 1.0, Double.NaN)));
    Study study = new Study("s", List.of(), List.of(), List.of(), List.of(histogram), List.of());

    for (Plot.Curve curve : only(study).curves()) {
      double sum = Arrays.stream(curve.line().y()).sum();
      assertThat(sum / 2).isCloseTo(100, within(1e-9));
      assertThat(curve.line().x()).startsWith(0).endsWith(1);
    }
  }

  @Test
  void putsASingleValueInTheMiddle() {
    Study study =
        new Study("s", List.of(), List.of(), List.of(), List.of(MadeUpStudy.oneValue()), List.of());

    Plot.Points outline = only(study).curves().getFirst().line();

    assertThat(outline.x()).startsWith(0).endsWith(1);
    assertThat(outline.y()).contains(100).doesNotContain(Double.NaN);
  }
}
