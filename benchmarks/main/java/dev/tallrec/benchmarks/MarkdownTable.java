package dev.tallrec.benchmarks;

import java.util.Locale;
import java.util.stream.Collectors;

/** A comparison as a Markdown table. */
final class MarkdownTable {

  private MarkdownTable() {}

  static String of(Comparison comparison) {
    StringBuilder text = new StringBuilder();
    text.append("| benchmark | new / old | 95 % interval | p | |\n|---|---|---|---|---|\n");
    for (Comparison.Row row : comparison.rows()) {
      text.append(
          String.format(
              Locale.ROOT,
              "| %s | %.3f | %.3f to %.3f | %.3g | %s |\n",
              row.name(),
              row.ratio(),
              row.low(),
              row.high(),
              row.p(),
              remark(row)));
    }
    if (!comparison.unpaired().isEmpty()) {
      text.append("\nNot compared: ")
          .append(String.join(", ", comparison.unpaired()))
          .append(".\n");
    }
    return text.toString();
  }

  private static String remark(Comparison.Row row) {
    String verdict =
        switch (row.speed()) {
          case SLOWER -> "**slower** ";
          case AS_BEFORE -> "";
          case FASTER -> "faster ";
        };
    return (verdict
            + row.risen().stream().map(CounterChange::text).collect(Collectors.joining(", ")))
        .strip();
  }
}
