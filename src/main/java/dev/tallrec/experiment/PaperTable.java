package dev.tallrec.experiment;

import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;
import org.apache.commons.csv.CSVFormat;
import org.apache.commons.csv.CSVParser;
import org.apache.commons.csv.CSVRecord;

/** The paper's own figures (table 1: AUC x 100, LLaMA-7B for TALLRec). */
public final class PaperTable {

  private static final String FILE = "paper.csv";

  private PaperTable() {}

  /** Figures by model and K on data set {@code data}. */
  public static Map<String, Map<Integer, Double>> read(String data) throws IOException {
    Map<String, Map<Integer, Double>> table = new LinkedHashMap<>();
    CSVFormat format = CSVFormat.DEFAULT.builder().setHeader().setSkipHeaderRecord(true).get();
    try (InputStream bytes = PaperTable.class.getResourceAsStream(FILE)) {
      if (bytes == null) {
        throw new IOException("this build lacks " + FILE);
      }
      for (CSVRecord row :
          CSVParser.parse(new InputStreamReader(bytes, StandardCharsets.UTF_8), format)) {
        if (row.get("data").equals(data)) {
          Map<Integer, Double> byK = new TreeMap<>();
          for (int k : new int[] {16, 64, 256}) {
            byK.put(k, Double.valueOf(row.get(String.valueOf(k))));
          }
          table.put(row.get("model"), byK);
        }
      }
    }
    return table;
  }
}
