package dev.tallrec.experiment;

import dev.tallrec.train.TrainingStoppedException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;

/** Runs cells of one kind of model. */
interface CellRunner {

  /**
   * What came of a cell.
   *
   * @param scores of the test rows, by data set
   * @param seconds that it took with all it stands on, in all calls; empty if that is what this
   *     call took
   */
  record Measured(
      Map<String, double[]> scores,
      List<CellResult.Point> curve,
      List<String> remarks,
      OptionalDouble seconds) {}

  /** What a cell needs that was not given, and how to give it; empty if nothing is missing. */
  default Optional<String> missing(Grid.Cell cell) {
    return Optional.empty();
  }

  /**
   * What tells a cell's figures from those of others of this kind: cells of one identity measure
   * the same, whichever their K and seed, and do so once.
   *
   * @throws IOException if {@link #check} does
   */
  default String identity(Grid.Cell cell) throws IOException {
    return cell.name();
  }

  /**
   * What a cell's figures come from that its grid does not say: a server and its model, a BERT.
   *
   * @return by name; empty if the grid says everything, or that was not given: see {@link #missing}
   * @throws IOException if {@link #check} does
   */
  default Map<String, String> sources(Grid.Cell cell) throws IOException {
    return Map.of();
  }

  /**
   * Checks a cell's settings and data, so that a mistake is known before hours of other cells.
   *
   * @throws IOException naming the variant, and the setting or the data set
   */
  void check(Grid.Cell cell) throws IOException;

  /**
   * Runs a cell.
   *
   * @param directory of the cell, for what an interrupted run goes on from
   */
  Measured run(Grid.Cell cell, Path directory) throws IOException, TrainingStoppedException;

  /** At most 100 points of a long curve, each the mean of the steps it stands for. */
  static List<CellResult.Point> thinned(List<CellResult.Point> curve) {
    int most = 100;
    int each = (curve.size() + most - 1) / most;
    List<CellResult.Point> thin = new ArrayList<>();
    for (int from = 0; from < curve.size(); from += each) {
      List<CellResult.Point> some = curve.subList(from, Math.min(curve.size(), from + each));
      thin.add(
          new CellResult.Point(
              some.getLast().step(),
              some.stream().mapToDouble(CellResult.Point::loss).average().orElseThrow()));
    }
    return thin;
  }
}
