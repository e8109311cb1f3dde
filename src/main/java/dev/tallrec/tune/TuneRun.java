package dev.tallrec.tune;

import dev.tallrec.files.AtomicFiles;
import dev.tallrec.files.ProcessLock;
import dev.tallrec.llama.Adapter;
import dev.tallrec.llama.LlamaConfig;
import dev.tallrec.lora.LoraAdapter;
import dev.tallrec.lora.LoraParameters;
import dev.tallrec.lora.PeftDirectory;
import dev.tallrec.model.BaseModel;
import dev.tallrec.rec.Evaluation;
import dev.tallrec.rec.RecData;
import dev.tallrec.rec.ScoreFile;
import dev.tallrec.rec.Taste;
import dev.tallrec.train.Fingerprint;
import dev.tallrec.train.Trainer;
import dev.tallrec.train.TrainingResult;
import dev.tallrec.train.TrainingStoppedException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * A whole run: scores the base, tunes on instructions, tunes on users' tastes, scores after each
 * stage. All of it is kept in one directory, from which an interrupted run goes on.
 */
public final class TuneRun {

  private final BaseModel base;
  private final TuneSettings settings;
  private final RunDirectory directory;
  private final RunListener listener;
  private final BooleanSupplier stop;
  private final RunData data;
  private final Evaluator evaluator;
  private final Map<String, String> inputs;
  private RunResults results;

  /**
   * Prepares a run.
   *
   * @param directory where it is kept; made if need be
   * @param stop asked after each step, and before each stage and each batch that is scored, whether
   *     to stop
   * @throws IOException if data are missing or broken, too few for K or of one label, two data sets
   *     have one name, or the directory holds a run with other settings
   */
  public TuneRun(
      BaseModel base,
      TuneSettings settings,
      RunDirectory directory,
      RunListener listener,
      BooleanSupplier stop)
      throws IOException {
    this.base = base;
    this.settings = settings;
    this.directory = directory;
    this.listener = listener;
    this.stop = stop;
    this.data = RunData.of(settings);
    data.check(settings);
    StageSettings rec = settings.rec();
    this.evaluator =
        new Evaluator(
            base,
            base.encoder(rec.cutoff(), rec.trainOnInputs()),
            settings.memory().scoreBatchTokens(),
            listener,
            stop);
    this.inputs = RunInputs.of(base, settings, data);
    this.results = kept();
  }

  /** What an earlier call has measured of this run. */
  private RunResults kept() throws IOException {
    Optional<RunResults> kept = directory.resultsOf(settings);
    if (kept.isEmpty()) {
      return noStageYet();
    }
    List<String> differences = Fingerprint.differences(kept.get().inputs(), inputs);
    if (!differences.isEmpty()) {
      throw new IOException(
          "%s holds results of other files under the same names: %s. Choose another directory"
              .formatted(directory.path(), String.join("; ", differences)));
    }
    return kept.get();
  }

  private RunResults noStageYet() {
    Map<String, RunResults.Split> shares = new LinkedHashMap<>();
    for (RecData set : data.test()) {
      Optional<Evaluation> valid = Evaluation.ofLikedShare(set.valid());
      Optional<Evaluation> test = Evaluation.ofLikedShare(set.test());
      if (valid.isPresent() && test.isPresent()) {
        shares.put(set.name(), new RunResults.Split(valid.get(), test.get()));
      }
    }
    return new RunResults(
        RunResults.VERSION, base.network().device().description(), inputs, shares, List.of());
  }

  /**
   * Checks that what a run starts from is there: its adapter, and enough instructions to tune on
   * and to hold back.
   *
   * @param config of the base that the run is for
   * @throws IOException saying what is missing or does not fit
   */
  public static void checkStart(TuneSettings settings, LlamaConfig config) throws IOException {
    if (settings.startsFromAdapter()) {
      PeftDirectory.read(Path.of(settings.adapter()), config).close();
    }
    if (settings.instruction().epochs() > 0) {
      PreparedStage.instructions(settings);
    }
  }

  /**
   * Runs what is not complete yet.
   *
   * @throws IOException also if another process runs in the directory
   * @throws TrainingStoppedException if told to stop; the state is saved
   */
  public RunResults run() throws IOException, TrainingStoppedException {
    boolean startsFromAdapter = settings.startsFromAdapter();
    try (LoraAdapter adapter =
        startsFromAdapter
            ? PeftDirectory.read(Path.of(settings.adapter()), base.config())
            : LoraAdapter.initial(base.config(), settings.lora().config(), settings.seed())) {
      if (startsFromAdapter) {
        listener.message("LoRA settings are those of " + settings.adapter());
      }
      List<PreparedStage> stages = prepared();
      // Not before: what is refused is run again in the same directory, with settings put right.
      try (ProcessLock _ = ProcessLock.ofDirectory(directory.path())) {
        run(stages, adapter);
      }
    }
    return results;
  }

  private void run(List<PreparedStage> stages, LoraAdapter adapter)
      throws IOException, TrainingStoppedException {
    // Again: whoever had the lock before may have gone on with this run.
    results = kept();
    directory.keep(settings);
    // Before there is any stage: what an interrupted one goes on from is of these inputs, too.
    directory.keep(results);
    if (settings.evaluateBase() || stages.isEmpty()) {
      evaluateBase(adapter);
    }
    for (PreparedStage stage : stages) {
      run(stage, adapter);
    }
    PeftDirectory.write(directory.adapter(), adapter, settings.base());
  }

  /** All stages before anything that takes long: what is wrong with one should be known at once. */
  private List<PreparedStage> prepared() throws IOException {
    List<PreparedStage> stages = new ArrayList<>();
    if (settings.instruction().epochs() > 0) {
      stages.add(PreparedStage.instruction(base, settings, listener, stop));
    }
    if (settings.rec().epochs() > 0) {
      stages.add(PreparedStage.rec(base, settings, data.train(), evaluator, listener));
    }
    return stages;
  }

  private void evaluateBase(LoraAdapter adapter) throws IOException, TrainingStoppedException {
    if (isDone(RunResults.Stage.BASE)) {
      return;
    }
    listener.message("Before tuning");
    if (settings.startsFromAdapter()) {
      completeWith(RunResults.Stage.BASE, adapter, null);
    } else {
      complete(RunResults.Stage.BASE, Adapter.NONE, null);
    }
  }

  private boolean isDone(String stage) {
    return results.stages().stream().anyMatch(done -> done.name().equals(stage));
  }

  /** Trains {@code adapter}, or takes what an earlier call has made of it. */
  private void run(PreparedStage stage, LoraAdapter adapter)
      throws IOException, TrainingStoppedException {
    Path saved = directory.adapterAfter(stage.name());
    Path checkpoint = directory.checkpoint(stage.name());
    if (isDone(stage.name())) {
      // There still is one if an earlier call was killed between result and end.
      AtomicFiles.deleteDirectory(checkpoint);
      try (LoraAdapter done = PeftDirectory.read(saved, base.config())) {
        adapter.copyFrom(done);
      }
      return;
    }
    TrainingStoppedException.throwIf(stop, "stopped before the stage " + stage.name());
    TrainingResult result = train(stage, adapter, checkpoint);
    PeftDirectory.write(saved, adapter, settings.base());
    completeWith(stage.name(), adapter, result);
    AtomicFiles.deleteDirectory(checkpoint);
  }

  private TrainingResult train(PreparedStage stage, LoraAdapter adapter, Path checkpoint)
      throws IOException, TrainingStoppedException {
    listener.message(stage.title());
    try (Trainer trainer =
        new Trainer(base.network(), adapter, stage.config(), stage.evaluation())) {
      listener.message(
          "  %,d examples, %,d tokens; LoRA on %s, %,d parameters; activations of %d of %d layers kept"
              .formatted(
                  stage.examples().size(),
                  stage.examples().stream().mapToLong(e -> e.ids().length).sum(),
                  adapter.projectionNames(),
                  adapter.config().parameterCount(base.config()),
                  trainer.savedLayers(),
                  base.config().numHiddenLayers()));
      listener.begin(stage.name() + " steps", stage.config().totalSteps(stage.examples().size()));
      TrainingResult result =
          trainer.train(
              stage.examples(), listener.training(stage.measure()), Optional.of(checkpoint), stop);
      listener.end();
      return result;
    }
  }

  private void completeWith(String stage, LoraAdapter adapter, @Nullable TrainingResult training)
      throws IOException, TrainingStoppedException {
    try (LoraParameters parameters =
        new LoraParameters(base.network().device(), base.config(), adapter)) {
      complete(stage, parameters, training);
    }
  }

  /** Scores the model after a stage and keeps the result. */
  private void complete(String stage, Adapter adapter, @Nullable TrainingResult training)
      throws IOException, TrainingStoppedException {
    long start = System.nanoTime();
    Map<String, RunResults.Split> scores = new LinkedHashMap<>();
    for (RecData set : data.test()) {
      List<Taste> tastes = evaluator.score(set.name() + " test", set.test(), adapter);
      ScoreFile.write(directory.scores(stage, set.name()), set.test(), tastes);
      RunResults.Split split =
          new RunResults.Split(
              evaluator.evaluate(set.name() + " valid", set.valid(), adapter),
              Evaluation.of(set.test(), tastes));
      scores.put(set.name(), split);
      listener.message(
          "  %s: validation AUC %.4f, test AUC %.4f"
              .formatted(set.name(), split.valid().auc(), split.test().auc()));
    }
    double seconds =
        (training == null ? 0 : training.seconds()) + (System.nanoTime() - start) / 1e9;
    List<RunResults.Stage> stages = new ArrayList<>(results.stages());
    stages.add(new RunResults.Stage(stage, scores, training, seconds));
    results =
        new RunResults(results.version(), results.machine(), inputs, results.likedShare(), stages);
    directory.keep(results);
  }
}
