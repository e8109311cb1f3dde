package dev.tallrec.experiment;

import dev.tallrec.files.AtomicFiles;
import dev.tallrec.rec.Evaluation;
import dev.tallrec.train.TrainingStoppedException;
import dev.tallrec.tune.RunListener;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
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

  /**
   * What is done so far, by this or an earlier process; runs nothing.
   *
   * @throws IOException if a run's directory holds one with other settings
   */
  public Outcomes present() throws IOException {
    Map<Grid.Cell, CellResult> done = new LinkedHashMap<>();
    Map<String, String> missing = new LinkedHashMap<>();
    for (Grid.Cell cell : grid.cells()) {
      Optional<CellResult> result = read(cell);
      if (result.isPresent()) {
        done.put(cell, result.get());
      } else {
        runners.of(cell.model()).missing(cell).ifPresent(lack -> missing.put(cell.variant(), lack));
      }
    }
    return new Outcomes(directory, grid, done, missing);
  }

  /**
   * Checks all cells' settings, that what they start from is there, that their data are enough, and
   * that their directories hold no other runs.
   *
   * @throws IOException naming the grid, the variant and what is wrong, or the directory
   */
  public void check() throws IOException {
    for (Grid.Cell cell : grid.cells()) {
      try {
        runners.of(cell.model()).check(cell);
      } catch (IOException e) {
        throw new IOException("%s, %s".formatted(grid.title(), e.getMessage()), e);
      }
    }
    present();
  }

  /** Runs what is not done yet. */
  public Outcomes run() throws IOException, TrainingStoppedException {
    check();
    List<Grid.Cell> cells = grid.cells();
    Outcomes before = present();
    before
        .missing()
        .forEach((variant, lack) -> listener.message("left out: %s %s".formatted(variant, lack)));
    for (int i = 0; i < cells.size(); i++) {
      Grid.Cell cell = cells.get(i);
      if (!before.byCell().containsKey(cell) && runners.of(cell.model()).missing(cell).isEmpty()) {
        runners.stopIfTold();
        listener.message("");
        listener.message("== %d of %d: %s".formatted(i + 1, cells.size(), cell.name()));
        CellResult result = run(cell);
        result.write(directory(cell));
        tell(result);
      }
    }
    return present();
  }

  private Path directory(Grid.Cell cell) {
    return directory.resolve(cell.name());
  }

  private Map<String, String> configuration(Grid.Cell cell) throws IOException {
    return CellResult.configuration(
        cell, grid.preset(), runners.contents(cell), runners.of(cell.model()).sources(cell));
  }

  private Optional<CellResult> read(Grid.Cell cell) throws IOException {
    boolean anySource = runners.of(cell.model()).missing(cell).isPresent();
    return CellResult.read(directory(cell), configuration(cell), anySource);
  }

  private CellResult run(Grid.Cell cell) throws IOException, TrainingStoppedException {
    for (Grid.Cell twin : twins(cell)) {
      Optional<CellResult> known = read(twin);
      if (known.isPresent()) {
        listener.message("  the same as " + twin.name());
        return copy(known.get(), twin, cell);
      }
    }
    long start = System.nanoTime();
    CellRunner.Measured measured = runners.of(cell.model()).run(cell, directory(cell));
    Map<String, Evaluation> test = runners.evaluate(measured, directory(cell));
    return new CellResult(
        CellResult.VERSION,
        configuration(cell),
        runners.machine(),
        measured.seconds().orElse((System.nanoTime() - start) / 1e9),
        test,
        measured.curve(),
        measured.remarks());
  }

  /** Other runs of the grid that measure what {@code cell} does, whichever their K and seed. */
  private List<Grid.Cell> twins(Grid.Cell cell) throws IOException {
    List<Grid.Cell> twins = new ArrayList<>();
    CellRunner runner = runners.of(cell.model());
    String identity = runner.identity(cell);
    for (Grid.Cell other : grid.cells()) {
      if (other.model() == cell.model()
          && !other.equals(cell)
          && runner.identity(other).equals(identity)) {
        twins.add(other);
      }
    }
    return twins;
  }

  /** The result of {@code twin} as that of {@code cell}, the scores in its directory. */
  private CellResult copy(CellResult known, Grid.Cell twin, Grid.Cell cell) throws IOException {
    for (String data : known.test().keySet()) {
      AtomicFiles.replaceFile(
          CellResult.scores(directory(cell), data),
          aside ->
              Files.copy(
                  CellResult.scores(directory(twin), data),
                  aside,
                  StandardCopyOption.REPLACE_EXISTING));
    }
    return known.with(configuration(cell));
  }

  private void tell(CellResult result) {
    result
        .test()
        .forEach((data, evaluation) ->
            listener.message("  %s: test AUC %.4f".formatted(data, evaluation.auc())));
    result.remarks().forEach(remark -> listener.message("  " + remark));
  }
}
