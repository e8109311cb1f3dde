package dev.tallrec.tune;

import dev.tallrec.model.BaseModel;
import dev.tallrec.rec.AlpacaSample;
import dev.tallrec.rec.KShot;
import dev.tallrec.rec.RecData;
import dev.tallrec.rec.RecExample;
import dev.tallrec.text.ExampleEncoder;
import dev.tallrec.text.Instruction;
import dev.tallrec.text.InstructionFile;
import dev.tallrec.text.LabelledTokens;
import dev.tallrec.train.LossEvaluator;
import dev.tallrec.train.MicroBatchPacker;
import dev.tallrec.train.Trainer;
import dev.tallrec.train.TrainingConfig;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;

/**
 * What a stage trains on and is judged by.
 *
 * @param name {@link RunResults.Stage#INSTRUCTION} or {@link RunResults.Stage#REC}
 * @param title for those who watch
 * @param evaluation of the adapter between steps
 * @param measure what {@code evaluation} gives
 */
record PreparedStage(
    String name,
    String title,
    TrainingConfig config,
    List<LabelledTokens> examples,
    Trainer.Evaluation evaluation,
    String measure) {

  // The split seed of the paper's instruction script.
  private static final long INSTRUCTION_SPLIT_SEED = 42;

  /**
   * The instruction stage: some of the instructions are held back for validation.
   *
   * @param stop asked in validations whether to stop
   * @throws IOException if instructions are missing, broken or too few, or settings make no sense
   *     for them
   */
  static PreparedStage instruction(
      BaseModel base, TuneSettings settings, RunListener listener, BooleanSupplier stop)
      throws IOException {
    StageSettings stage = settings.instruction();
    List<Instruction> all = instructions(settings);
    List<Instruction> shuffled = KShot.sample(all, all.size(), INSTRUCTION_SPLIT_SEED);
    ExampleEncoder encoder = base.encoder(stage.cutoff(), stage.trainOnInputs());
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
    return new PreparedStage(
        RunResults.Stage.INSTRUCTION,
        "Instruction tuning",
        config(RunResults.Stage.INSTRUCTION, stage, settings, examples),
        examples,
        new LossEvaluator(base.network(), held, settings.memory().microBatchTokens(), stop),
        "validation loss");
  }

  /**
   * The instruction stage's examples, those that are held back among them.
   *
   * @throws IOException if the file is missing or broken, or has too few
   */
  static List<Instruction> instructions(TuneSettings settings) throws IOException {
    List<Instruction> all =
        settings.instructionsComeAlong()
            ? AlpacaSample.read()
            : InstructionFile.read(Path.of(settings.instructions()));
    int validation = settings.instruction().validation();
    if (validation < 1) {
      throw new IOException(
          "instruction.validation is 0, but the state with the least loss of examples that are held back is kept: set it to 1 or more");
    }
    if (validation >= all.size()) {
      throw new IOException(
          "instruction.validation is %d of %d examples in %s: set it lower, or give more examples with --instructions"
              .formatted(validation, all.size(), settings.instructions()));
    }
    return all;
  }

  /**
   * Rec-tuning: K examples of each training set.
   *
   * @throws IOException if settings make no sense for the examples, or an example does not fit
   */
  static PreparedStage rec(
      BaseModel base,
      TuneSettings settings,
      List<RecData> train,
      Evaluator evaluator,
      RunListener listener)
      throws IOException {
    StageSettings stage = settings.rec();
    List<Instruction> chosen = new ArrayList<>();
    Map<String, List<RecExample>> validation = new LinkedHashMap<>();
    for (RecData data : train) {
      List<RecExample> sample =
          settings.k() == 0
              ? data.train()
              : KShot.sample(data.train(), settings.k(), settings.seed());
      sample.forEach(example -> chosen.add(example.text()));
      validation.put(data.name() + " valid", RunData.validation(data, stage));
    }
    List<LabelledTokens> examples =
        StageExamples.encode(
            RunResults.Stage.REC,
            chosen,
            base.encoder(stage.cutoff(), stage.trainOnInputs()),
            stage.dropCutOff(),
            listener);
    return new PreparedStage(
        RunResults.Stage.REC,
        "Rec-tuning",
        config(RunResults.Stage.REC, stage, settings, examples),
        examples,
        new TasteValidation(evaluator, validation),
        "validation AUC");
  }

  /**
   * The trainer's configuration.
   *
   * @throws IOException naming the stage if it makes no sense, or {@code examples} do not fit it
   */
  private static TrainingConfig config(
      String name, StageSettings stage, TuneSettings settings, List<LabelledTokens> examples)
      throws IOException {
    try {
      TrainingConfig config = stage.config(examples.size(), settings.memory(), settings.seed());
      new MicroBatchPacker(config.microBatchTokens(), config.sharePrefix()).split(examples);
      return config;
    } catch (IllegalArgumentException e) {
      throw new IOException("%s stage: %s".formatted(name, e.getMessage()), e);
    }
  }
}
