package dev.tallrec.experiment;

import dev.tallrec.rec.ScoreFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.commons.math3.stat.descriptive.moment.Mean;
import org.apache.commons.math3.stat.descriptive.moment.StandardDeviation;

/**
 * What the runs of a grid measured.
 *
 * @param directory of the runs
 * @param byCell results of the cells that are done
 * @param missing why variants were left out
 */
public record Outcomes(
    Path directory, Grid grid, Map<Grid.Cell, CellResult> byCell, Map<String, String> missing) {

  /** Mean and standard deviation over seeds; NaN deviation for a single seed. */
  public record Figure(double mean, double deviation) {

    static Figure of(double... values) {
      return new Figure(
          new Mean().evaluate(values),
          values.length < 2 ? Double.NaN : new StandardDeviation().evaluate(values));
    }

    /** As AUC x 100. */
    @Override
    public String toString() {
      return Double.isNaN(deviation)
          ? "%.2f".formatted(100 * mean)
          : "%.2f ± %.2f".formatted(100 * mean, 100 * deviation);
    }
  }

  /** Cells that are done of a variant that was tested on {@code data}, by seed. */
  List<Grid.Cell> cells(String variant, String data, int k) {
    return byCell.keySet().stream()
        .filter(
            cell -> cell.variant().equals(variant) && cell.k() == k && cell.test().contains(data))
        .toList();
  }

  /** Test AUC of a variant on {@code data}; empty if none of its runs is done. */
  public Optional<Figure> figure(String variant, String data, int k) {
    double[] aucs = aucs(variant, data, k);
    return aucs.length == 0 ? Optional.empty() : Optional.of(Figure.of(aucs));
  }

  /** Test AUC of each run of a variant on {@code data} that is done, by seed. */
  double[] aucs(String variant, String data, int k) {
    return cells(variant, data, k).stream()
        .mapToDouble(cell -> result(cell).on(data).auc())
        .toArray();
  }

  /** The result of a cell that is done. */
  CellResult result(Grid.Cell cell) {
    CellResult result = byCell.get(cell);
    if (result == null) {
      throw new IllegalArgumentException(cell.name() + " is not done");
    }
    return result;
  }

  /** Scores of the test rows of {@code data} by a cell that is done. */
  double[] scores(Grid.Cell cell, String data) throws IOException {
    return ScoreFile.read(CellResult.scores(directory.resolve(cell.name()), data));
  }
}
