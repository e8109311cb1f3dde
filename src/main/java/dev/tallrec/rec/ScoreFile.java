package dev.tallrec.rec;

import dev.tallrec.files.AtomicFiles;
import java.io.IOException;
import java.io.Reader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.commons.csv.CSVFormat;
import org.apache.commons.csv.CSVParser;
import org.apache.commons.csv.CSVPrinter;
import org.apache.commons.csv.CSVRecord;

/** The score of every example of a data set's part, as CSV. */
public final class ScoreFile {

  private static final String SCORE = "score";
  private static final CSVFormat FORMAT =
      CSVFormat.DEFAULT
          .builder()
          .setHeader("example", "user", "liked", "p_yes", "p_no", SCORE)
          .get();

  private ScoreFile() {}

  /** Writes a model's probabilities of the answers. */
  public static void write(Path file, List<RecExample> examples, List<Taste> tastes)
      throws IOException {
    List<Object[]> columns = new ArrayList<>();
    for (Taste taste : tastes) {
      columns.add(new Object[] {taste.yes(), taste.no(), taste.score()});
    }
    writeRows(file, examples, columns);
  }

  /** Writes scores that are no difference of probabilities. */
  public static void write(Path file, List<RecExample> examples, double[] scores)
      throws IOException {
    List<Object[]> columns = new ArrayList<>();
    for (double score : scores) {
      columns.add(new Object[] {"", "", score});
    }
    writeRows(file, examples, columns);
  }

  private static void writeRows(Path file, List<RecExample> examples, List<Object[]> columns)
      throws IOException {
    AtomicFiles.replaceFile(
        file,
        aside -> {
          try (CSVPrinter csv = new CSVPrinter(Files.newBufferedWriter(aside), FORMAT)) {
            for (int i = 0; i < examples.size(); i++) {
              RecExample example = examples.get(i);
              csv.print(i + 1);
              csv.print(example.user().isPresent() ? example.user().getAsInt() : "");
              csv.print(example.liked() ? 1 : 0);
              csv.printRecord(columns.get(i));
            }
          }
        });
  }

  /**
   * Reads the scores.
   *
   * @throws IOException naming the file and the row without a score
   */
  public static double[] read(Path file) throws IOException {
    CSVFormat format = CSVFormat.DEFAULT.builder().setHeader().setSkipHeaderRecord(true).get();
    List<Double> scores = new ArrayList<>();
    try (Reader reader = Files.newBufferedReader(file);
        CSVParser rows = CSVParser.parse(reader, format)) {
      for (CSVRecord row : rows) {
        try {
          scores.add(Double.valueOf(row.get(SCORE)));
        } catch (IllegalArgumentException e) {
          throw new IOException(
              "%s, row %d has no score".formatted(file, row.getRecordNumber()), e);
        }
      }
    }
    return scores.stream().mapToDouble(Double::doubleValue).toArray();
  }
}
