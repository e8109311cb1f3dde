package dev.tallrec.report;

/** A study's facts and tables in Markdown. */
public final class MarkdownReport {

  private static final String SPECIAL = "\\|`*_[]#~$";

  private MarkdownReport() {}

  /** Title, facts, tables. */
  public static String markdown(Study study) {
    StringBuilder text = new StringBuilder("# " + text(study.title()) + "\n");
    if (!study.facts().isEmpty()) {
      text.append('\n');
      study.facts().forEach(fact -> text.append("- ").append(text(fact)).append('\n'));
    }
    if (study.tables().isEmpty()) {
      text.append("\nNo run is done yet: there are no figures to show.\n");
    }
    study.tables().forEach(table -> table(text, table));
    return text.toString();
  }

  private static void table(StringBuilder text, Study.Table table) {
    text.append("\n## ").append(text(table.title())).append("\n\n");
    if (!table.caption().isBlank()) {
      text.append(text(table.caption())).append("\n\n");
    }
    text.append("| Model |");
    table.columns().forEach(column -> text.append(' ').append(text(column)).append(" |"));
    text.append("\n|---|").append("---:|".repeat(table.columns().size())).append('\n');
    for (Study.Row row : table.rows()) {
      String origin =
          switch (row.origin()) {
            case OURS -> "";
            case NO_MODEL -> " (no model)";
            case PAPER -> " (paper)";
          };
      text.append("| ").append(text(row.name())).append(origin).append(" |");
      for (int column = 0; column < table.columns().size(); column++) {
        String cell = text(Figures.cell(row, column));
        boolean best = Figures.best(table, column).contains(row);
        text.append(' ').append(best ? "**" + cell + "**" : cell).append(cell.isEmpty() ? "" : " ");
        text.append('|');
      }
      text.append('\n');
    }
  }

  /** One line in which no character is markup, of Markdown or of HTML. */
  private static String text(String text) {
    StringBuilder safe = new StringBuilder();
    for (char c : Figures.oneLine(text).toCharArray()) {
      if (SPECIAL.indexOf(c) >= 0) {
        safe.append('\\').append(c);
      } else if (c == '<') {
        safe.append("&lt;");
      } else if (c == '&') {
        safe.append("&amp;");
      } else {
        safe.append(c);
      }
    }
    return safe.toString();
  }
}
