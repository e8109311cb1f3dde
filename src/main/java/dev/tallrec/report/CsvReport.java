package dev.tallrec.report;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Locale;
import org.apache.commons.csv.CSVFormat;
import org.apache.commons.csv.CSVPrinter;

/** A study's tables as CSV, one record a cell. */
public final class CsvReport {

  private static final CSVFormat FORMAT =
      CSVFormat.DEFAULT
          .builder()
          .setHeader("table", "row", "origin", "column", "value")
          .setRecordSeparator('\n')
          .get();

  private CsvReport() {}

  /** All tables; the value is empty where there is no figure. */
  public static String csv(Study study) {
    StringBuilder text = new StringBuilder();
    try (CSVPrinter printer = new CSVPrinter(text, FORMAT)) {
      for (Study.Table table : study.tables()) {
        for (Study.Row row : table.rows()) {
          for (int column = 0; column < table.columns().size(); column++) {
            printer.printRecord(
                table.title(),
                row.name(),
                row.origin().name().toLowerCase(Locale.ROOT),
                table.columns().get(column),
                Figures.cell(row, column));
          }
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return text.toString();
  }
}
