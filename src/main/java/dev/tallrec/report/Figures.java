package dev.tallrec.report;

import java.math.BigDecimal;
import java.math.MathContext;
import java.util.HashSet;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Cells of a study's tables. */
final class Figures {

  /** A number, and then maybe a spread or a remark in brackets. */
  private static final Pattern NUMBER =
      Pattern.compile(
          "([-+\u2212]?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\\.[0-9]+)?)\\s*%?"
              + "(?:\\s*±\\s*[0-9.]+\\s*%?)?(?:\\s*\\([^)]*\\))?");

  private static final MathContext BRIEF = new MathContext(4);

  private Figures() {}

  /** A row's text in a column, on one line; empty where there is no figure. */
  static String cell(Study.Row row, int column) {
    String text = column < row.cells().size() ? oneLine(row.cells().get(column)) : "";
    return text.equals("NaN") ? "" : text;
  }

  /** Text without line breaks and other white space that could end a row or a heading. */
  static String oneLine(String text) {
    return text.replaceAll("[\\s\\p{Cntrl}\\p{Z}]+", " ").strip();
  }

  /** The number that a cell starts with, if it is a figure. */
  static OptionalDouble number(String cell) {
    Matcher matcher = NUMBER.matcher(cell.strip());
    return matcher.matches()
        ? OptionalDouble.of(
            Double.parseDouble(matcher.group(1).replace(",", "").replace('\u2212', '-')))
        : OptionalDouble.empty();
  }

  /** Rows of ours with the highest figure of a column: none, one, or several that are equal. */
  static Set<Study.Row> best(Study.Table table, int column) {
    double highest = Double.NEGATIVE_INFINITY;
    Set<Study.Row> best = new HashSet<>();
    for (Study.Row row : table.rows()) {
      OptionalDouble number = number(cell(row, column));
      if (row.origin() == Study.Origin.OURS && number.isPresent()) {
        if (number.getAsDouble() > highest) {
          highest = number.getAsDouble();
          best.clear();
        }
        if (number.getAsDouble() == highest) {
          best.add(row);
        }
      }
    }
    return best;
  }

  /** A whole number as it is, any other to four digits. */
  static String brief(double value) {
    boolean whole = value == Math.rint(value) && Math.abs(value) < 1e9;
    BigDecimal rounded = new BigDecimal(value).round(whole ? MathContext.UNLIMITED : BRIEF);
    return rounded.signum() == 0 ? "0" : rounded.stripTrailingZeros().toPlainString();
  }

  /** Where in all rows the score of a mistake stood; empty if that is not known. */
  static String standing(double rank) {
    if (!(rank >= 0 && rank <= 1)) {
      return "";
    }
    int above = (int) Math.floor(100 * rank + 1e-9);
    int below = (int) Math.floor(100 * (1 - rank) + 1e-9);
    if (above == 100) {
      return "ranked highest of all rows";
    }
    if (below == 100) {
      return "ranked lowest of all rows";
    }
    return rank < 0.5
        ? "ranked below %d %% of all rows".formatted(below)
        : "ranked above %d %% of all rows".formatted(above);
  }
}
