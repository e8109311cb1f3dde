package dev.tallrec.report;

import java.util.ArrayList;
import java.util.List;

/** Studies that nobody ran. */
final class MadeUpStudy {

  static final String HOSTILE =
      "</title><script>alert(\"1\" & '2')</script> | \\x {y} 5% $z_1^2#~ [w] *v*";

  private MadeUpStudy() {}

  static Study empty() {
    return new Study("Nothing yet", List.of(), List.of(), List.of(), List.of(), List.of());
  }

  /** Two tables of one shape, of which the second lacks figures; charts of both kinds; mistakes. */
  static Study full() {
    return titled("Made up");
  }

  static Study titled(String text) {
    return new Study(
        text,
        List.of("Two cores", text),
        List.of(figures(text), withGaps()),
        List.of(byK(text), roc()),
        List.of(scores(), oneValue()),
        List.of(
            new Study.Mistake(text, "First line\nsecond line " + text, "No.", 0.973),
            new Study.Mistake("base", "?", "Yes.", 0.021)));
  }

  private static Study.Table figures(String text) {
    return new Study.Table(
        text,
        "AUC × 100: " + text,
        List.of("K = 16", "K = 64"),
        List.of(
            row("tuned", Study.Origin.OURS, "54.87 ± 1.2", "60.10"),
            row("base", Study.Origin.OURS, "9.99", "71.5 (1 seed)"),
            row("share liked", Study.Origin.NO_MODEL, "80.00", "80.00"),
            row(text, Study.Origin.PAPER, "67.24", "67.48")));
  }

  private static Study.Table withGaps() {
    return new Study.Table(
        "Gaps",
        "",
        List.of("a", "b"),
        List.of(
            row("none", Study.Origin.OURS, "", "NaN"),
            row("short", Study.Origin.OURS),
            row("words", Study.Origin.OURS, "3 of 5", "out of memory")));
  }

  static Study.Row row(String name, Study.Origin origin, String... cells) {
    return new Study.Row(name, origin, List.of(cells));
  }

  private static Study.LineChart byK(String text) {
    List<Double> k = List.of(16.0, 64.0, 256.0);
    return new Study.LineChart(
        text,
        "K " + text,
        "AUC",
        true,
        List.of(
            new Study.Series("tuned", k, List.of(50.0, 60.0, 70.0), List.of(2.0, 1.0, 0.5)),
            new Study.Series(text, k, List.of(40.0, 45.0, 48.0), List.of())));
  }

  private static Study.LineChart roc() {
    List<Double> x = new ArrayList<>();
    List<Double> y = new ArrayList<>();
    for (int i = 0; i < 200; i++) {
      x.add(i / 199.0);
      y.add(Math.sqrt(i / 199.0));
    }
    return new Study.LineChart(
        "ROC",
        "false positives",
        "true positives",
        false,
        List.of(
            new Study.Series("base", x, x, List.of()), new Study.Series("tuned", x, y, List.of())));
  }

  private static Study.Histogram scores() {
    return new Study.Histogram(
        "Scores",
        "p(Yes)",
        List.of("liked", "disliked"),
        List.of(List.of(0.5, 0.7, 0.8, 0.9), List.of(0.1, 0.2, 0.6)));
  }

  static Study.Histogram oneValue() {
    return new Study.Histogram(
        "Scores", "p(Yes)", List.of("liked", "disliked"), List.of(List.of(0.5), List.of(0.5)));
  }
}
