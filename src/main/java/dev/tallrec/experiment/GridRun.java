package dev.tallrec.experiment;

import dev.tallrec.model.BaseModel;
import dev.tallrec.safetensors.AtomicFiles;
import dev.tallrec.train.TrainingStoppedException;
import dev.tallrec.tune.RunListener;
import dev.tallrec.tune.RunResults;
import dev.tallrec.tune.SettingsReader;
import dev.tallrec.tune.TuneRun;
import dev.tallrec.tune.TuneSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;

/**
 * Runs the cells of a grid, each in a directory of its own. What is done is not done again; what
 * was interrupted goes on. Cells that begin with the same instruction stage share it.
 */
public final class GridRun {

  private static final String SHARED = "instruction-seed";

  private final BaseModel base;
  private final Grid grid;
  private final Path directory;
  private final RunListener listener;
  private final BooleanSupplier stop;

  /**
   * Prepares a grid's run.
   *
   * @param directory where the cells' directories and the report are kept
   */
  public GridRun(
      BaseModel base, Grid grid, Path directory, RunListener listener, BooleanSupplier stop) {
    this.base = base;
    this.grid = grid;
    this.directory = directory;
    this.listener = listener;
    this.stop = stop;
  }

  /** Runs what is not done yet, and writes report.md and runs.csv after each cell. */
  public Outcomes run() throws IOException, TrainingStoppedException {
    Map<Grid.Cell, RunResults> done = new LinkedHashMap<>();
    int number = 0;
    for (Grid.Cell cell : grid.cells()) {
      number++;
      listener.message("");
      listener.message("== %d of %d: %s".formatted(number, grid.cells().size(), cell.name()));
      Map<String, String> settings = new LinkedHashMap<>(cell.settings());
      if (usesBothStages(settings)) {
        Path shared = instructionStage(settings);
        settings.put("adapter", shared.toString());
        settings.put("instruction.epochs", "0");
      }
      done.put(cell, runCell(directory.resolve(cell.name()), settings));
      write(new Outcomes(done));
    }
    return new Outcomes(done);
  }

  private boolean usesBothStages(Map<String, String> settings) throws IOException {
    TuneSettings all = SettingsReader.read(grid.preset(), Optional.empty(), settings);
    return all.instruction().epochs() > 0 && all.rec().epochs() > 0;
  }

  /** The adapter after the instruction stage with this seed, tuned when first asked for. */
  private Path instructionStage(Map<String, String> settings)
      throws IOException, TrainingStoppedException {
    String seed = settings.getOrDefault("seed", "0");
    Path shared = directory.resolve(SHARED + seed);
    runCell(shared, Map.of("seed", seed, "rec.epochs", "0", "test", String.join(",", grid.test())));
    return shared.resolve(TuneRun.ADAPTER);
  }

  private RunResults runCell(Path cell, Map<String, String> settings)
      throws IOException, TrainingStoppedException {
    TuneSettings all = SettingsReader.read(grid.preset(), Optional.empty(), settings);
    return new TuneRun(base, all, cell, listener, stop).run();
  }

  private void write(Outcomes outcomes) throws IOException {
    String markdown = GridReport.markdown(grid, outcomes);
    String csv = GridReport.csv(grid, outcomes);
    AtomicFiles.replaceFile(
        directory.resolve("report.md"), aside -> Files.writeString(aside, markdown));
    AtomicFiles.replaceFile(directory.resolve("runs.csv"), aside -> Files.writeString(aside, csv));
  }
}
