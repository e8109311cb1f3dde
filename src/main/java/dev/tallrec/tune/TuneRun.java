package dev.tallrec.tune;

import dev.tallrec.llama.Adapter;
import dev.tallrec.llama.LlamaConfig;
import dev.tallrec.lora.LoraAdapter;
import dev.tallrec.lora.LoraParameters;
import dev.tallrec.lora.PeftDirectory;
import dev.tallrec.model.BaseModel;
import dev.tallrec.rec.AlpacaSample;
import dev.tallrec.rec.Evaluation;
import dev.tallrec.rec.KShot;
import dev.tallrec.rec.RecData;
import dev.tallrec.rec.RecExample;
import dev.tallrec.rec.ScoreFile;
import dev.tallrec.rec.Taste;
import dev.tallrec.safetensors.AtomicFiles;
import dev.tallrec.text.ExampleEncoder;
import dev.tallrec.text.Instruction;
import dev.tallrec.text.InstructionFile;
import dev.tallrec.text.LabelledTokens;
import dev.tallrec.train.LossEvaluator;
import dev.tallrec.train.MicroBatchPacker;
import dev.tallrec.train.Trainer;
import dev.tallrec.train.TrainingConfig;
import dev.tallrec.train.TrainingResult;
import dev.tallrec.train.TrainingStoppedException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * A whole run: scores the base, tunes on instructions, tunes on users' tastes, scores after each
 * stage. All of it is kept in one directory, from which an interrupted run goes on.
 */
public final class TuneRun {

  /** Name of the directory with the final adapter. */
  public static final String ADAPTER = "adapter";

  private static final String SETTINGS = "settings.yaml";
  private static final String RESULTS = "results.json";
  // The split seed of the paper's instruction script.
  private static final long INSTRUCTION_SPLIT_SEED = 42;

  private final BaseModel base;
  private final TuneSettings settings;
  private final Path directory;
  private final RunListener listener;
  private final BooleanSupplier stop;
  private final List<RecData> trainSets;
  private final List<RecData> testSets;
  private final Evaluator evaluator;
  private RunResults results;

  /**
   * Prepares a run.
   *
   * @param directory where it is kept; made if need be
   * @param stop asked after each step whether to stop
   * @throws IOException if data are missing or broken, too few for K or of one label, two data sets
   *     have one name, or the directory holds a run with other settings
   */
  public TuneRun(
      BaseModel base,
      TuneSettings settings,
      Path directory,
      RunListener listener,
      BooleanSupplier stop)
      throws IOException {
    this.base = base;
    this.settings = settings;
    this.directory = directory;
    this.listener = listener;
    this.stop = stop;
    this.trainSets = dataSets(settings.data());
    this.testSets = settings.test().isEmpty() ? trainSets : dataSets(settings.test());
    checkNames(testSets);
    checkData(settings, trainSets, testSets);
    ExampleEncoder encoder = encoder(settings.rec());
    this.evaluator = new Evaluator(base, encoder, settings.memory().scoreBatchTokens(), listener);
    this.results = openDirectory();
  }

  private static List<RecData> dataSets(List<String> names) throws IOException {
    if (names.isEmpty()) {
      throw new IOException("no data set is named");
    }
    List<RecData> sets = new ArrayList<>();
    for (String name : names) {
      sets.add(RecData.named(name));
    }
    return sets;
  }

  /** Results and scores are kept by a data set's name, which is the last part of its path. */
  private static void checkNames(List<RecData> sets) throws IOException {
    Set<String> names = new HashSet<>();
    for (RecData data : sets) {
      if (!names.add(data.name())) {
        throw new IOException(
            "two data sets to test on are called %s, and results are kept by that name: rename the directory of one"
                .formatted(data.name()));
      }
    }
  }

  /**
   * Checks that the data of a run are enough for its K, and that AUCs are defined on them: better
   * said before than after hours.
   *
   * @param train sets that the run is rec-tuned on
   * @param test sets that it is tested on
   * @throws IOException naming the data set and what it lacks
   */
  public static void checkData(TuneSettings settings, List<RecData> train, List<RecData> test)
      throws IOException {
    for (RecData data : test) {
      data.requireValid();
      data.requireTest();
    }
    if (settings.rec().epochs() == 0) {
      return;
    }
    for (RecData data : train) {
      data.requireSample(settings.k());
      RecData.requireBothLabels(
          data.name() + " valid (--rec-validation)", first(settings.rec(), data.valid()));
    }
  }

  private ExampleEncoder encoder(StageSettings stage) {
    return base.encoder(stage.cutoff(), stage.trainOnInputs());
  }

  /** What the directory holds of this run; changes nothing. */
  private RunResults openDirectory() throws IOException {
    Path file = directory.resolve(SETTINGS);
    if (Files.exists(file)) {
      if (!Files.readString(file).equals(SettingsReader.write(settings))) {
        throw new IOException(
            directory
                + " holds a run with other settings ("
                + SETTINGS
                + "): choose another directory");
      }
      if (Files.exists(directory.resolve(RESULTS))) {
        return RunResults.read(directory.resolve(RESULTS));
      }
    }
    Map<String, RunResults.Split> shares = new LinkedHashMap<>();
    for (RecData data : testSets) {
      Optional<Evaluation> valid = Evaluation.ofLikedShare(data.valid());
      Optional<Evaluation> test = Evaluation.ofLikedShare(data.test());
      if (valid.isPresent() && test.isPresent()) {
        shares.put(data.name(), new RunResults.Split(valid.get(), test.get()));
      }
    }
    return new RunResults(
        RunResults.VERSION, base.network().device().description(), shares, List.of());
  }

  /** Makes the directory this run's, which no run with other settings may have from then on. */
  private void keepSettings() throws IOException {
    Path file = directory.resolve(SETTINGS);
    if (!Files.exists(file)) {
      AtomicFiles.replaceFile(
          file, aside -> Files.writeString(aside, SettingsReader.write(settings)));
    }
  }

  /** Where a run keeps the scores of a data set's test rows after a stage. */
  public static Path scores(Path directory, String stage, String data) {
    return directory.resolve("scores-%s-%s.csv".formatted(stage, Path.of(data).getFileName()));
  }

  /**
   * Checks that what a run starts from is there: its adapter, and enough instructions to tune on
   * and to hold back.
   *
   * @param config of the base that the run is for
   * @throws IOException saying what is missing or does not fit
   */
  public static void checkStart(TuneSettings settings, LlamaConfig config) throws IOException {
    if (startsFromAdapter(settings)) {
      PeftDirectory.read(Path.of(settings.adapter()), config).close();
    }
    if (settings.instruction().epochs() > 0) {
      instructions(settings);
    }
  }

  private static boolean startsFromAdapter(TuneSettings settings) {
    return !settings.adapter().equals("-");
  }

  /** The settings of the run that {@code directory} holds. */
  public static TuneSettings settingsOf(Path directory) throws IOException {
    Path file = directory.resolve(SETTINGS);
    if (!Files.exists(file)) {
      throw new IOException(directory + " holds no run: it has no " + SETTINGS);
    }
    return SettingsReader.readWhole(file);
  }

  /**
   * Runs what is not complete yet.
   *
   * @throws TrainingStoppedException if told to stop; the state is saved
   */
  public RunResults run() throws IOException, TrainingStoppedException {
    boolean startsFromAdapter = startsFromAdapter(settings);
    try (LoraAdapter adapter =
        startsFromAdapter
            ? PeftDirectory.read(Path.of(settings.adapter()), base.config())
            : LoraAdapter.initial(base.config(), settings.lora().config(), settings.seed())) {
      if (startsFromAdapter) {
        listener.message("LoRA settings are those of " + settings.adapter());
      }
      // Both before anything that takes long: what is wrong with settings or data should be known
      // at once.
      Map<String, Prepared> stages = new LinkedHashMap<>();
      if (settings.instruction().epochs() > 0) {
        stages.put(RunResults.Stage.INSTRUCTION, prepareInstruction(settings.instruction()));
      }
      if (settings.rec().epochs() > 0) {
        stages.put(RunResults.Stage.REC, prepareRec(settings.rec()));
      }
      // Not before: what is refused is run again in the same directory, with settings put right.
      keepSettings();
      if (settings.evaluateBase() || stages.isEmpty()) {
        evaluateBase(adapter, startsFromAdapter);
      }
      for (Map.Entry<String, Prepared> stage : stages.entrySet()) {
        stage(stage.getKey(), stage.getValue(), adapter);
      }
      PeftDirectory.write(directory.resolve(ADAPTER), adapter, settings.base());
    }
    return results;
  }

  private void evaluateBase(LoraAdapter adapter, boolean startsFromAdapter) throws IOException {
    if (isDone(RunResults.Stage.BASE)) {
      return;
    }
    listener.message("Before tuning");
    if (startsFromAdapter) {
      try (LoraParameters parameters =
          new LoraParameters(base.network().device(), base.config(), adapter)) {
        complete(RunResults.Stage.BASE, parameters, null);
      }
    } else {
      complete(RunResults.Stage.BASE, Adapter.NONE, null);
    }
  }

  private boolean isDone(String stage) {
    return results.stages().stream().anyMatch(done -> done.name().equals(stage));
  }

  /** Scores the model after a stage and keeps the result. */
  private void complete(String stage, Adapter adapter, @Nullable TrainingResult training)
      throws IOException {
    long start = System.nanoTime();
    Map<String, RunResults.Split> scores = new LinkedHashMap<>();
    for (RecData data : testSets) {
      List<Taste> tastes = evaluator.score(data.name() + " test", data.test(), adapter);
      ScoreFile.write(scores(directory, stage, data.name()), data.test(), tastes);
      RunResults.Split split =
          new RunResults.Split(
              evaluator.evaluate(data.name() + " valid", data.valid(), adapter),
              Evaluation.of(data.test(), tastes));
      scores.put(data.name(), split);
      listener.message(
          "  %s: validation AUC %.4f, test AUC %.4f"
              .formatted(data.name(), split.valid().auc(), split.test().auc()));
    }
    double seconds =
        (training == null ? 0 : training.seconds()) + (System.nanoTime() - start) / 1e9;
    List<RunResults.Stage> stages = new ArrayList<>(results.stages());
    stages.add(new RunResults.Stage(stage, scores, training, seconds));
    results = new RunResults(results.version(), results.machine(), results.likedShare(), stages);
    results.write(directory.resolve(RESULTS));
  }

  /** Trains {@code adapter}, or takes what an earlier call has made of it. */
  private void stage(String name, Prepared prepared, LoraAdapter adapter)
      throws IOException, TrainingStoppedException {
    Path saved = directory.resolve(name);
    Path checkpoint = directory.resolve(name + "-checkpoint");
    if (isDone(name)) {
      // There still is one if an earlier call was killed between result and end.
      AtomicFiles.deleteDirectory(checkpoint);
      try (LoraAdapter done = PeftDirectory.read(saved, base.config())) {
        adapter.copyFrom(done);
      }
      return;
    }
    listener.message(prepared.title);
    TrainingConfig config = prepared.config;
    TrainingResult result;
    try (Trainer trainer = new Trainer(base.network(), adapter, config, prepared.evaluation)) {
      listener.message(
          "  %,d examples, %,d tokens; LoRA on %s, %,d parameters; activations of %d of %d layers kept"
              .formatted(
                  prepared.examples.size(),
                  prepared.examples.stream().mapToLong(e -> e.ids().length).sum(),
                  adapter.projectionNames(),
                  adapter.config().parameterCount(base.config()),
                  trainer.savedLayers(),
                  base.config().numHiddenLayers()));
      listener.begin(name + " steps", config.totalSteps(prepared.examples.size()));
      result =
          trainer.train(
              prepared.examples,
              listener.training(prepared.measure),
              Optional.of(checkpoint),
              stop);
      listener.end();
    }
    PeftDirectory.write(saved, adapter, settings.base());
    try (LoraParameters parameters =
        new LoraParameters(base.network().device(), base.config(), adapter)) {
      complete(name, parameters, result);
    }
    AtomicFiles.deleteDirectory(checkpoint);
  }

  /** What a stage trains on and is judged by. */
  private record Prepared(
      String title,
      TrainingConfig config,
      List<LabelledTokens> examples,
      Trainer.Evaluation evaluation,
      String measure) {}

  /**
   * The trainer's configuration.
   *
   * @throws IOException naming the stage if it makes no sense, or {@code examples} do not fit it
   */
  private TrainingConfig configFor(String name, StageSettings stage, List<LabelledTokens> examples)
      throws IOException {
    try {
      TrainingConfig config = stage.config(examples.size(), settings.memory(), settings.seed());
      new MicroBatchPacker(config.microBatchTokens(), config.sharePrefix()).split(examples);
      return config;
    } catch (IllegalArgumentException e) {
      throw new IOException("%s stage: %s".formatted(name, e.getMessage()), e);
    }
  }

  /** The instruction stage's examples, those that are held back among them. */
  private static List<Instruction> instructions(TuneSettings settings) throws IOException {
    List<Instruction> all =
        settings.instructions().equals("alpaca")
            ? AlpacaSample.read()
            : InstructionFile.read(Path.of(settings.instructions()));
    int validation = settings.instruction().validation();
    if (validation < 1 || validation >= all.size()) {
      throw new IOException(
          "instruction.validation is %d of %d examples in %s: set it lower, or give more examples with --instructions"
              .formatted(validation, all.size(), settings.instructions()));
    }
    return all;
  }

  private Prepared prepareInstruction(StageSettings stage) throws IOException {
    List<Instruction> all = instructions(settings);
    List<Instruction> shuffled = KShot.sample(all, all.size(), INSTRUCTION_SPLIT_SEED);
    ExampleEncoder encoder = encoder(stage);
    List<LabelledTokens> examples =
        StageExamples.encode(
            RunResults.Stage.INSTRUCTION,
            shuffled.subList(stage.validation(), all.size()),
            encoder,
            stage.dropCutOff(),
            listener);
    List<LabelledTokens> held =
        StageExamples.encode(
            RunResults.Stage.INSTRUCTION,
            shuffled.subList(0, stage.validation()),
            encoder,
            true,
            listener);
    TrainingConfig config = configFor(RunResults.Stage.INSTRUCTION, stage, examples);
    return new Prepared(
        "Instruction tuning",
        config,
        examples,
        new LossEvaluator(base.network(), held, settings.memory().microBatchTokens()),
        "validation loss");
  }

  private Prepared prepareRec(StageSettings stage) throws IOException {
    List<Instruction> chosen = new ArrayList<>();
    for (RecData data : trainSets) {
      List<RecExample> sample =
          settings.k() == 0
              ? data.train()
              : KShot.sample(data.train(), settings.k(), settings.seed());
      sample.forEach(example -> chosen.add(example.text()));
    }
    List<LabelledTokens> examples =
        StageExamples.encode(
            RunResults.Stage.REC, chosen, encoder(stage), stage.dropCutOff(), listener);
    Map<String, List<RecExample>> validation = new LinkedHashMap<>();
    for (RecData data : trainSets) {
      validation.put(data.name() + " valid", first(stage, data.valid()));
    }
    return new Prepared(
        "Rec-tuning",
        configFor(RunResults.Stage.REC, stage, examples),
        examples,
        new TasteValidation(evaluator, validation),
        "validation AUC");
  }

  /** The first examples, as many as a stage validates with; all for 0. */
  private static List<RecExample> first(StageSettings stage, List<RecExample> examples) {
    int limit = stage.validation();
    return limit == 0 ? examples : examples.subList(0, Math.min(limit, examples.size()));
  }
}
