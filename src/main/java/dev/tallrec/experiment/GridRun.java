package dev.tallrec.experiment;

import dev.tallrec.rec.Evaluation;
import dev.tallrec.train.TrainingStoppedException;
import dev.tallrec.tune.RunListener;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Runs the cells of a grid, each in a directory of its own. What is done is not done again; what
 * was interrupted goes on.
 */
public final class GridRun {

  private final Runners runners;
  private final Grid grid;
  private final Path directory;
  private final RunListener listener;

  /**
   * Prepares a grid's run.
   *
   * @param runners of the grid's models
   * @param directory where the cells' directories are kept, and the shared stages they begin with
   */
  public GridRun(Runners runners, Grid grid, Path directory, RunListener listener) {
    this.runners = runners;
    this.grid = grid;
    this.directory = directory;
    this.listener = listener;
  }

  /** Runs what is not done yet. */
  public Outcomes run() throws IOException, TrainingStoppedException {
    Map<Grid.Cell, CellResult> done = new LinkedHashMap<>();
    Map<String, String> missing = new LinkedHashMap<>();
    List<Grid.Cell> cells = grid.cells();
    for (Grid.Cell cell : cells) {
      runners.of(cell.model()).check(cell);
    }
    int number = 0;
    for (Grid.Cell cell : cells) {
      number++;
      CellRunner runner = runners.of(cell.model());
      Optional<String> lack = runner.missing(cell);
      Path own = directory.resolve(cell.name());
      Map<String, String> configuration = CellResult.configuration(cell, grid.preset());
      Optional<CellResult> present = CellResult.read(own, configuration);
      if (present.isPresent()) {
        done.put(cell, present.get());
      } else if (lack.isPresent()) {
        if (missing.put(cell.variant(), lack.get()) == null) {
          listener.message("left out: %s %s".formatted(cell.variant(), lack.get()));
        }
      } else {
        listener.message("");
        listener.message("== %d of %d: %s".formatted(number, cells.size(), cell.name()));
        done.put(cell, run(runner, cell, own, configuration));
      }
    }
    return new Outcomes(directory, grid, done, missing);
  }

  private CellResult run(
      CellRunner runner, Grid.Cell cell, Path own, Map<String, String> configuration)
      throws IOException, TrainingStoppedException {
    long start = System.nanoTime();
    CellRunner.Measured measured = runner.run(cell, own);
    Map<String, Evaluation> test = runners.evaluate(measured, own);
    CellResult result =
        new CellResult(
            CellResult.VERSION,
            configuration,
            runners.machine(),
            (System.nanoTime() - start) / 1e9,
            test,
            measured.curve(),
            measured.remarks());
    result.write(own);
    test.forEach((data, evaluation) ->
        listener.message("  %s: test AUC %.4f".formatted(data, evaluation.auc())));
    measured.remarks().forEach(remark -> listener.message("  " + remark));
    return result;
  }
}
