package dev.tallrec.experiment;

import dev.tallrec.rec.Evaluation;
import java.util.List;
import java.util.Map;

/** Runs that nobody ran: on movies, with what they would have measured. */
final class MovieResult {

  private MovieResult() {}

  static Grid.Cell cell(String variant, int k, long seed) {
    return new Grid.Cell(
        variant, Grid.Model.TALLREC, List.of("movie"), List.of("movie"), k, seed, Map.of());
  }

  static CellResult of(Evaluation evaluation) {
    return new CellResult(
        CellResult.VERSION, Map.of(), "here", 1, Map.of("movie", evaluation), List.of(), List.of());
  }
}
