package dev.tallrec.benchmarks;

import dev.tallrec.report.HtmlText;
import java.util.List;
import java.util.Locale;

/** A comparison as one HTML page that needs nothing beside it; it is well-formed XML too. */
final class HtmlPage {

  private final Results before;
  private final Results after;
  private final Comparison comparison;
  private final IntervalBar bar;
  private final StringBuilder page = new StringBuilder();

  private HtmlPage(Results before, Results after, Comparison comparison) {
    this.before = before;
    this.after = after;
    this.comparison = comparison;
    this.bar = new IntervalBar(comparison);
  }

  static String of(Results before, Results after, Comparison comparison) {
    return new HtmlPage(before, after, comparison).write();
  }

  private String write() {
    String title = "Benchmarks: %s against %s".formatted(after.commit(), before.commit());
    page.append(HtmlText.head(title, "", HtmlPageStyle.CSS))
        .append("<body>\n<main>\n")
        .append("<h1>%s</h1>\n".formatted(HtmlText.escape(title)))
        .append(
            "<p class=\"summary %s\">%s</p>\n"
                .formatted(
                    comparison.fails() ? "bad" : "good",
                    HtmlText.escape(comparison.summary().replace(" -> ", " → ")) + "."));
    machine();
    if (!comparison.rows().isEmpty()) {
      table();
    }
    if (!comparison.unpaired().isEmpty()) {
      page.append("<h2>Not compared</h2>\n<ul>\n");
      comparison
          .unpaired()
          .forEach(name -> page.append("<li>%s</li>\n".formatted(HtmlText.escape(name))));
      page.append("</ul>\n");
    }
    return page.append("</main>\n</body>\n</html>\n").toString();
  }

  private void machine() {
    page.append("<dl class=\"machine\">\n");
    fact("machine", after.fingerprint());
    after.machine().forEach(this::fact);
    fact("old", before.commit() + ", " + before.time());
    fact("new", after.commit() + ", " + after.time());
    page.append("</dl>\n");
  }

  private void fact(String name, String value) {
    page.append(
        "<div><dt>%s</dt><dd>%s</dd></div>\n"
            .formatted(HtmlText.escape(name), HtmlText.escape(value)));
  }

  private void table() {
    page.append(
        String.format(
            Locale.ROOT,
            """
            <p class="note">Ratio of median speeds, new / old: below 1 is slower. Bars are 95 %% \
            intervals on a scale from %.2f to %.2f; the band is the accepted change of %.0f %%. \
            p is after Holm's correction; a speed counts as changed if p &lt; %s and the ratio \
            is outside the band. A counter counts as risen beyond 1 %%, bytes beyond 64 as well.\
            </p>
            """,
            bar.lowest(),
            bar.highest(),
            100 * comparison.threshold(),
            Comparison.SIGNIFICANCE));
    page.append("<table>\n<thead><tr>");
    List.of("Benchmark", "New / old", "Interval", "p", "Counters", "Verdict")
        .forEach(name -> page.append("<th scope=\"col\">%s</th>".formatted(name)));
    page.append("</tr></thead>\n<tbody>\n");
    comparison.rows().forEach(this::row);
    page.append("</tbody></table>\n");
  }

  private void row(Comparison.Row row) {
    page.append(
        "<tr class=\"%s\"><th scope=\"row\">%s</th>"
            .formatted(kind(row), HtmlText.escape(row.name())));
    cell("New / old", "number", String.format(Locale.ROOT, "%.3f", row.ratio()));
    cell(
        "Interval",
        "interval",
        bar.svg(row)
            + String.format(Locale.ROOT, "<small>%.3f to %.3f</small>", row.low(), row.high()));
    cell("p", "number", String.format(Locale.ROOT, "%.2g", row.p()));
    StringBuilder counters = new StringBuilder();
    for (CounterChange counter : row.counters()) {
      if (counter.before() != 0 || counter.after() != 0) {
        counters.append(
            "<span class=\"%s\">%s</span>"
                .formatted(
                    counter.rose() ? "rose" : "level",
                    HtmlText.escape(counter.text().replace(" -> ", " → "))));
      }
    }
    cell("Counters", "counters", counters.toString());
    cell("Verdict", "verdict", HtmlText.escape(row.verdict()));
    page.append("</tr>\n");
  }

  private static String kind(Comparison.Row row) {
    if (row.fails()) {
      return "bad";
    }
    return row.speed() == Comparison.Speed.FASTER ? "good" : "same";
  }

  /** The label stands beside the value where the page is too narrow for a row of headings. */
  private void cell(String label, String kind, String html) {
    page.append("<td class=\"%s\" data-label=\"%s\">%s</td>".formatted(kind, label, html));
  }
}
