package dev.tallrec.report;

import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Set;

/** A study as one HTML page that needs nothing beside it; it is well-formed XML too. */
public final class HtmlReport {

  private final Study study;
  private final List<Plot> plots;
  private final StringBuilder page = new StringBuilder();

  private HtmlReport(Study study) {
    this.study = study;
    this.plots = new StudyCharts(study).plots();
  }

  /** The page. */
  public static String html(Study study) {
    return new HtmlReport(study).write();
  }

  private String write() {
    String title = Figures.oneLine(study.title());
    page.append(HtmlText.head(title, "img-src data:; ", HtmlStyle.css()))
        .append("<body>\n<div class=\"%s\">\n".formatted(isEmpty() ? "layout plain" : "layout"))
        .append("<header class=\"top\"><h1>%s</h1></header>\n".formatted(HtmlText.escape(title)));
    contents();
    page.append("<main>\n");
    facts();
    tables();
    charts();
    mistakes();
    if (isEmpty()) {
      page.append(
          "<section><p class=\"card\">No run is done yet: there are no figures to show."
              + "</p></section>\n");
    }
    return page.append("</main>\n</div>\n</body>\n</html>\n").toString();
  }

  private boolean isEmpty() {
    return study.tables().isEmpty() && plots.isEmpty() && study.mistakes().isEmpty();
  }

  private void contents() {
    if (isEmpty()) {
      return;
    }
    page.append("<nav aria-label=\"Contents\"><p>Contents</p><ul>\n");
    if (!study.facts().isEmpty()) {
      page.append("<li>").append(link("facts", "Facts")).append("</li>\n");
    }
    entries("Tables", "table", study.tables().stream().map(Study.Table::title).toList());
    entries("Charts", "chart", plots.stream().map(Plot::title).toList());
    if (!study.mistakes().isEmpty()) {
      page.append("<li>").append(link("mistakes", "Worst mistakes")).append("</li>\n");
    }
    page.append("</ul></nav>\n");
  }

  private void entries(String heading, String id, List<String> titles) {
    if (titles.isEmpty()) {
      return;
    }
    page.append("<li>").append(link(id + "s", heading)).append("<ul>\n");
    for (int i = 0; i < titles.size(); i++) {
      page.append("<li>").append(link(id + "-" + (i + 1), titles.get(i))).append("</li>\n");
    }
    page.append("</ul></li>\n");
  }

  private static String link(String id, String text) {
    return "<a href=\"#%s\">%s</a>".formatted(id, HtmlText.escape(Figures.oneLine(text)));
  }

  private void open(String id, String heading) {
    page.append("<section id=\"%s\"><h2>%s</h2>\n".formatted(id, heading));
  }

  private void facts() {
    if (study.facts().isEmpty()) {
      return;
    }
    open("facts", "Facts");
    page.append("<ul class=\"card facts\">\n");
    study.facts().forEach(fact -> page.append("<li>%s</li>\n".formatted(HtmlText.escape(fact))));
    page.append("</ul></section>\n");
  }

  private void tables() {
    if (study.tables().isEmpty()) {
      return;
    }
    open("tables", "Tables");
    for (int i = 0; i < study.tables().size(); i++) {
      table("table-" + (i + 1), study.tables().get(i));
    }
    page.append("</section>\n");
  }

  private void table(String id, Study.Table table) {
    page.append(
        "<div class=\"card\" id=\"%s\"><h3 id=\"%s-title\">%s</h3>\n"
            .formatted(id, id, HtmlText.escape(table.title())));
    if (!table.caption().isBlank()) {
      page.append("<p class=\"caption\">%s</p>\n".formatted(HtmlText.escape(table.caption())));
    }
    page.append(
        "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-labelledby=\"%s-title\"><table>\n"
            .formatted(id));
    page.append("<thead><tr><th scope=\"col\">Model</th>");
    table
        .columns()
        .forEach(
            column -> page.append("<th scope=\"col\">%s</th>".formatted(HtmlText.escape(column))));
    page.append("</tr></thead>\n<tbody>\n");
    List<Set<Study.Row>> best = new ArrayList<>();
    for (int column = 0; column < table.columns().size(); column++) {
      best.add(Figures.best(table, column));
    }
    table.rows().forEach(row -> row(row, best));
    page.append("</tbody></table></div>\n");
    if (best.stream().anyMatch(rows -> !rows.isEmpty())) {
      page.append("<p class=\"note\">Bold: the highest of our own figures in a column.</p>\n");
    }
    page.append("</div>\n");
  }

  private void row(Study.Row row, List<Set<Study.Row>> best) {
    String badge =
        switch (row.origin()) {
          case OURS -> "";
          case NO_MODEL -> " <span class=\"badge\">no model</span>";
          case PAPER -> " <span class=\"badge\">paper</span>";
        };
    page.append(badge.isEmpty() ? "<tr>" : "<tr class=\"other\">")
        .append("<th scope=\"row\">%s%s</th>".formatted(HtmlText.escape(row.name()), badge));
    for (int column = 0; column < best.size(); column++) {
      String cell = HtmlText.escape(Figures.cell(row, column));
      if (cell.isEmpty()) {
        cell = "<span aria-label=\"no figure\">–</span>";
      } else if (best.get(column).contains(row)) {
        cell = "<b>" + cell + "</b>";
      }
      page.append("<td>").append(cell).append("</td>");
    }
    page.append("</tr>\n");
  }

  private void charts() {
    if (plots.isEmpty()) {
      return;
    }
    open("charts", "Charts");
    for (int i = 0; i < plots.size(); i++) {
      Plot plot = plots.get(i);
      page.append("<figure class=\"card\" id=\"chart-%d\">".formatted(i + 1))
          .append("<h3>%s</h3>\n<picture>\n".formatted(HtmlText.escape(plot.title())));
      source(
          plot,
          "(max-width: 640px) and (prefers-color-scheme: dark)",
          ChartTheme.DARK,
          ChartSize.NARROW);
      source(plot, "(prefers-color-scheme: dark)", ChartTheme.DARK, ChartSize.WIDE);
      source(plot, "(max-width: 640px)", ChartTheme.LIGHT, ChartSize.NARROW);
      page.append(
          "<img src=\"%s\" alt=\"%s\" />\n</picture></figure>\n"
              .formatted(
                  data(plot, ChartTheme.LIGHT, ChartSize.WIDE),
                  HtmlText.escape(Figures.oneLine(plot.description()))));
    }
    page.append("</section>\n");
  }

  private void source(Plot plot, String media, ChartTheme theme, ChartSize size) {
    page.append(
        "<source media=\"screen and %s\" srcset=\"%s\" />\n"
            .formatted(media, data(plot, theme, size)));
  }

  private static String data(Plot plot, ChartTheme theme, ChartSize size) {
    return "data:image/png;base64,"
        + Base64.getEncoder().encodeToString(StudyCharts.untitled(plot, theme, size));
  }

  private void mistakes() {
    if (study.mistakes().isEmpty()) {
      return;
    }
    open("mistakes", "Worst mistakes");
    page.append("<div class=\"mistakes\">\n");
    study.mistakes().forEach(this::mistake);
    page.append("</div></section>\n");
  }

  private void mistake(Study.Mistake mistake) {
    page.append("<article class=\"card mistake\">")
        .append("<h3>%s</h3>\n".formatted(HtmlText.escape(mistake.model())))
        .append("<p class=\"text\">%s</p>\n".formatted(HtmlText.escape(mistake.text().strip())))
        .append(
            "<p class=\"answer\">Right answer: <strong>%s</strong></p>\n"
                .formatted(HtmlText.escape(mistake.answer())));
    String standing = Figures.standing(mistake.rank());
    if (!standing.isEmpty()) {
      page.append(
          "<div class=\"scale\" aria-hidden=\"true\"><span style=\"left:%d%%\"></span></div>\n"
                  .formatted(Math.round(100 * mistake.rank()))
              + "<p class=\"standing\">Its score %s.</p>\n".formatted(standing));
    }
    page.append("</article>\n");
  }
}
