package dev.tallrec.report;

import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** A study's tables in LaTeX, to be put into a document that loads booktabs. */
public final class LatexReport {

  private static final Map<Integer, String> COMMANDS =
      Map.ofEntries(
          Map.entry((int) '\\', "\\textbackslash{}"),
          Map.entry((int) '{', "\\{"),
          Map.entry((int) '}', "\\}"),
          Map.entry((int) '$', "\\$"),
          Map.entry((int) '&', "\\&"),
          Map.entry((int) '#', "\\#"),
          Map.entry((int) '%', "\\%"),
          Map.entry((int) '_', "\\_"),
          Map.entry((int) '^', "\\textasciicircum{}"),
          Map.entry((int) '~', "\\textasciitilde{}"),
          Map.entry((int) '<', "\\textless{}"),
          Map.entry((int) '>', "\\textgreater{}"),
          Map.entry((int) '|', "\\textbar{}"),
          Map.entry((int) '"', "\\textquotedbl{}"),
          Map.entry((int) '`', "\\textasciigrave{}"),
          // In brackets of its own, lest a row's end takes it for an argument.
          Map.entry((int) '[', "{[}"),
          Map.entry((int) '*', "{*}"),
          Map.entry((int) '±', "$\\pm$"),
          Map.entry((int) '×', "$\\times$"),
          Map.entry((int) '≤', "$\\leq$"),
          Map.entry((int) '≥', "$\\geq$"),
          Map.entry((int) '→', "$\\rightarrow$"),
          Map.entry((int) '\u2212', "$-$"));

  private LatexReport() {}

  /** All tables, each a float. */
  public static String latex(Study study) {
    StringBuilder text = new StringBuilder("% " + escape(Figures.oneLine(study.title())) + "\n");
    text.append("% needs \\usepackage{booktabs} and \\usepackage[T1]{fontenc}\n");
    if (study.tables().isEmpty()) {
      text.append("% no run is done yet: there are no tables\n");
    }
    study.tables().forEach(table -> table(text, table));
    return text.toString();
  }

  private static void table(StringBuilder text, Study.Table table) {
    String caption =
        List.of(table.title(), table.caption()).stream()
            .map(LatexReport::text)
            .filter(part -> !part.isEmpty())
            .map(part -> part.endsWith(".") ? part : part + ".")
            .collect(Collectors.joining(" "));
    text.append("\n\\begin{table}\n\\centering\n\\caption{%s}\n".formatted(caption))
        .append("\\begin{tabular}{l%s}\n\\toprule\n".formatted("r".repeat(table.columns().size())));
    text.append("Model");
    table.columns().forEach(column -> text.append(" & ").append(text(column)));
    text.append(" \\\\\n\\midrule\n");
    boolean paper = false;
    for (Study.Row row : table.rows()) {
      text.append(text(row.name()));
      if (row.origin() == Study.Origin.PAPER) {
        text.append("$^\\dagger$");
        paper = true;
      }
      for (int column = 0; column < table.columns().size(); column++) {
        // A hyphen is shorter than the minus that it stands for.
        String cell = text(Figures.cell(row, column).replaceFirst("^-(?=\\d)", "\u2212"));
        boolean best = Figures.best(table, column).contains(row);
        text.append(" & ").append(best ? "\\textbf{" + cell + "}" : cell);
      }
      text.append(" \\\\\n");
    }
    text.append("\\bottomrule\n\\end{tabular}\n");
    if (paper) {
      text.append("\\par\\smallskip{\\footnotesize $^\\dagger$ The paper's own figures.}\n");
    }
    text.append("\\end{table}\n");
  }

  private static String text(String text) {
    return escape(Figures.oneLine(text));
  }

  /** Text without any character that LaTeX takes for a command. */
  static String escape(String text) {
    StringBuilder safe = new StringBuilder(text.length());
    text.codePoints()
        .forEach(c -> {
          String command = COMMANDS.get(c);
          if (command == null) {
            safe.appendCodePoint(c);
          } else {
            safe.append(command);
          }
        });
    return safe.toString();
  }
}
