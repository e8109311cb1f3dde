package dev.tallrec.report;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.List;
import org.apache.commons.csv.CSVFormat;
import org.apache.commons.csv.CSVParser;
import org.apache.commons.csv.CSVRecord;
import org.junit.jupiter.api.Test;

class CsvReportTest {

  private static List<CSVRecord> read(String csv) throws IOException {
    CSVFormat format = CSVFormat.DEFAULT.builder().setHeader().setSkipHeaderRecord(true).get();
    try (CSVParser parser = CSVParser.parse(csv, format)) {
      return parser.getRecords();
    }
  }

  @Test
  void hasARecordForEachCell() throws IOException {
    List<CSVRecord> records = read(CsvReport.csv(MadeUpStudy.full()));

    assertThat(records).hasSize(4 * 2 + 3 * 2);
    assertThat(records.getFirst().toMap())
        .containsEntry("table", "Made up")
        .containsEntry("row", "tuned")
        .containsEntry("origin", "ours")
        .containsEntry("column", "K = 16")
        .containsEntry("value", "54.87 ± 1.2");
    assertThat(records.subList(8, 12)).extracting(record -> record.get("value")).containsOnly("");
    assertThat(records).extracting(record -> record.get("origin")).contains("no_model", "paper");
  }

  @Test
  void givesTextBackAsItWas() throws IOException {
    String hostile = MadeUpStudy.HOSTILE + ",\n\"";

    List<CSVRecord> records = read(CsvReport.csv(MadeUpStudy.titled(hostile)));

    assertThat(records).hasSize(14);
    assertThat(records.getFirst().get("table")).isEqualTo(hostile);
    assertThat(records.get(6).get("row")).isEqualTo(hostile);
  }

  @Test
  void isAHeaderWithoutTables() {
    assertThat(CsvReport.csv(MadeUpStudy.empty())).isEqualTo("table,row,origin,column,value\n");
  }
}
