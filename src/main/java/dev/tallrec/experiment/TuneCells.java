package dev.tallrec.experiment;

import dev.tallrec.model.BaseModel;
import dev.tallrec.rec.ScoreFile;
import dev.tallrec.train.TrainingResult;
import dev.tallrec.train.TrainingStoppedException;
import dev.tallrec.tune.RunData;
import dev.tallrec.tune.RunDirectory;
import dev.tallrec.tune.RunInputs;
import dev.tallrec.tune.RunListener;
import dev.tallrec.tune.RunResults;
import dev.tallrec.tune.SettingsReader;
import dev.tallrec.tune.TuneRun;
import dev.tallrec.tune.TuneSettings;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;

/** Tuning runs. Those that begin with the same instruction stage share it. */
final class TuneCells implements CellRunner {

  private static final String SHARED = "instruction-seed";
  private static final String REC = "rec.";

  /** Settings that are the same for all of a grid, or that its runs have by their place in it. */
  private static final Set<String> GRIDS_OWN = Set.of("base", "test", "k", "seed", "evaluate_base");

  private final BaseModel base;
  private final String preset;
  private final Path shared;
  private final DataSets sets;
  private final RunListener listener;
  private final BooleanSupplier stop;
  private final Set<List<Object>> starts = new HashSet<>();
  private final Map<List<Object>, Map<String, String>> digests = new HashMap<>();

  /**
   * A runner.
   *
   * @param shared where the directories of shared instruction stages are
   */
  TuneCells(
      BaseModel base,
      String preset,
      Path shared,
      DataSets sets,
      RunListener listener,
      BooleanSupplier stop) {
    this.base = base;
    this.preset = preset;
    this.shared = shared;
    this.sets = sets;
    this.listener = listener;
    this.stop = stop;
  }

  @Override
  public void check(Grid.Cell cell) throws IOException {
    for (String setting : cell.settings().keySet()) {
      if (GRIDS_OWN.contains(setting)) {
        throw new IOException(
            "variant %s: %s is not for a variant to set: the grid's preset, test, k and seeds do"
                .formatted(cell.variant(), setting));
      }
    }
    try {
      TuneSettings settings = read(settings(cell));
      // The same start is that of many cells, and its files are large.
      if (starts.add(start(settings))) {
        TuneRun.checkStart(settings, base.config());
      }
      new RunData(sets.all(cell.data()), sets.all(cell.test())).check(settings);
    } catch (IOException e) {
      throw new IOException("variant " + cell.variant() + ": " + e.getMessage(), e);
    }
  }

  private static List<Object> start(TuneSettings settings) {
    return List.of(settings.adapter(), settings.instructions(), settings.instruction());
  }

  @Override
  public Map<String, String> sources(Grid.Cell cell) throws IOException {
    TuneSettings settings = read(settings(cell));
    List<Object> start = start(settings);
    if (!digests.containsKey(start)) {
      digests.put(start, RunInputs.ofStart(settings));
    }
    Map<String, String> sources = new TreeMap<>(digests.get(start));
    sources.put("base", RunInputs.of(base));
    return sources;
  }

  @Override
  public String identity(Grid.Cell cell) throws IOException {
    TuneSettings settings = read(settings(cell));
    if (settings.rec().epochs() > 0) {
      return cell.name();
    }
    // The sample is for rec-tuning alone, the seed for either stage.
    Map<String, String> others = new TreeMap<>(cell.settings());
    others.keySet().removeIf(key -> key.startsWith(REC) && !key.equals(REC + "cutoff"));
    String seed = settings.instruction().epochs() > 0 ? "seed " + cell.seed() : "no seed";
    return "not rec-tuned, %s, %s, tested on %s".formatted(others, seed, cell.test());
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
    settings.put("evaluate_base", "false");
    List<RunResults.Stage> stages = new ArrayList<>();
    if (read(settings).instruction().epochs() > 0) {
      Path adapter = instructionStage(cell, stages);
      settings.put("adapter", adapter.toString());
      settings.put("instruction.epochs", "0");
    }
    RunDirectory run = new RunDirectory(directory);
    stages.addAll(new TuneRun(base, read(settings), run, listener, stop).run().stages());
    String last = stages.getLast().name();
    Map<String, double[]> scores = new LinkedHashMap<>();
    for (String data : cell.test()) {
      scores.put(data, ScoreFile.read(run.scores(last, data)));
    }
    List<CellResult.Point> curve =
        stages.stream()
            .map(RunResults.Stage::training)
            .filter(Objects::nonNull)
            .reduce((first, second) -> second)
            .map(TuneCells::losses)
            .orElse(List.of());
    double seconds = stages.stream().mapToDouble(RunResults.Stage::seconds).sum();
    return new Measured(scores, CellRunner.thinned(curve), List.of(), OptionalDouble.of(seconds));
  }

  private static List<CellResult.Point> losses(TrainingResult training) {
    return training.stepLog().stream()
        .map(step -> new CellResult.Point(step.step(), step.loss()))
        .toList();
  }

  private TuneSettings read(Map<String, String> settings) throws IOException {
    return SettingsReader.read(preset, Optional.empty(), settings);
  }

  /**
   * The adapter after the cell's instruction stage, tuned when first asked for. Its directory is
   * named by all that it depends on.
   *
   * @param stages where what the stage measured is added
   */
  private Path instructionStage(Grid.Cell cell, List<RunResults.Stage> stages)
      throws IOException, TrainingStoppedException {
    Map<String, String> settings = new TreeMap<>(cell.settings());
    settings.keySet().removeIf(key -> key.startsWith(REC));
    String variations =
        settings.entrySet().stream()
            .map(setting -> "-" + setting.getKey() + "=" + setting.getValue())
            .collect(Collectors.joining());
    settings.put("seed", String.valueOf(cell.seed()));
    settings.put("rec.epochs", "0");
    settings.put("evaluate_base", "false");
    RunDirectory directory =
        new RunDirectory(
            shared.resolve(SHARED + cell.seed() + variations.replaceAll("[^A-Za-z0-9.=_-]+", "-")));
    stages.addAll(new TuneRun(base, read(settings), directory, listener, stop).run().stages());
    return directory.adapter();
  }
}
