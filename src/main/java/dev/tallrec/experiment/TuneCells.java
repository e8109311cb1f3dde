package dev.tallrec.experiment;

import dev.tallrec.model.BaseModel;
import dev.tallrec.rec.ScoreFile;
import dev.tallrec.train.TrainingStoppedException;
import dev.tallrec.tune.RunListener;
import dev.tallrec.tune.RunResults;
import dev.tallrec.tune.SettingsReader;
import dev.tallrec.tune.TuneRun;
import dev.tallrec.tune.TuneSettings;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;

/** Tuning runs. Those that begin with the same instruction stage share it. */
final class TuneCells implements CellRunner {

  private static final String SHARED = "instruction-seed";

  private final BaseModel base;
  private final String preset;
  private final Path shared;
  private final RunListener listener;
  private final BooleanSupplier stop;

  /**
   * A runner.
   *
   * @param shared where the directories of shared instruction stages are
   */
  TuneCells(
      BaseModel base, String preset, Path shared, RunListener listener, BooleanSupplier stop) {
    this.base = base;
    this.preset = preset;
    this.shared = shared;
    this.listener = listener;
    this.stop = stop;
  }

  @Override
  public void check(Grid.Cell cell) throws IOException {
    try {
      read(settings(cell));
    } catch (IOException e) {
      throw new IOException("variant " + cell.variant() + ": " + e.getMessage(), e);
    }
  }

  private static Map<String, String> settings(Grid.Cell cell) {
    Map<String, String> settings = new LinkedHashMap<>(cell.settings());
    settings.put("data", String.join(",", cell.data()));
    settings.put("test", String.join(",", cell.test()));
    settings.put("k", String.valueOf(cell.k()));
    settings.put("seed", String.valueOf(cell.seed()));
    return settings;
  }

  @Override
  public Measured run(Grid.Cell cell, Path directory) throws IOException, TrainingStoppedException {
    Map<String, String> settings = settings(cell);
    TuneSettings all = read(settings);
    if (all.instruction().epochs() > 0 && all.rec().epochs() > 0) {
      settings.put("adapter", instructionStage(cell.seed()).toString());
      settings.put("instruction.epochs", "0");
    }
    RunResults results = new TuneRun(base, read(settings), directory, listener, stop).run();
    RunResults.Stage last = results.stages().getLast();
    Map<String, double[]> scores = new LinkedHashMap<>();
    for (String data : cell.test()) {
      scores.put(data, ScoreFile.read(TuneRun.scores(directory, last.name(), data)));
    }
    List<CellResult.Point> curve =
        last.training() == null
            ? List.of()
            : last.training().stepLog().stream()
                .map(step -> new CellResult.Point(step.step(), step.loss()))
                .toList();
    return new Measured(scores, CellRunner.thinned(curve), List.of());
  }

  private TuneSettings read(Map<String, String> settings) throws IOException {
    return SettingsReader.read(preset, Optional.empty(), settings);
  }

  /** The adapter after the instruction stage with this seed, tuned when first asked for. */
  private Path instructionStage(long seed) throws IOException, TrainingStoppedException {
    Path directory = shared.resolve(SHARED + seed);
    TuneSettings settings = read(Map.of("seed", String.valueOf(seed), "rec.epochs", "0"));
    new TuneRun(base, settings, directory, listener, stop).run();
    return directory.resolve(TuneRun.ADAPTER);
  }
}
