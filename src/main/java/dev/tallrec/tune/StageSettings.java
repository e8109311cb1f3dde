package dev.tallrec.tune;

import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import dev.tallrec.train.AdamWSettings;
import dev.tallrec.train.Schedule;
import dev.tallrec.train.TrainingConfig;

/** How a stage trains. */
public record StageSettings(
    @JsonPropertyDescription("passes over the examples; 0 leaves the stage out") int epochs,
    @JsonPropertyDescription("peak learning rate") double learningRate,
    @JsonPropertyDescription("of the learning rate after warm-up: constant, linear, cosine")
        Schedule schedule,
    @JsonPropertyDescription("optimizer steps of warm-up; below 1, a share of all steps")
        double warmup,
    @JsonPropertyDescription("examples per optimizer step") int batchSize,
    @JsonPropertyDescription(
            "most tokens of an example, which loses its end, and of a prompt that is scored, which"
                + " loses the oldest of its history")
        int cutoff,
    @JsonPropertyDescription("learn the prompt's tokens, too, not the answer alone")
        boolean trainOnInputs,
    @JsonPropertyDescription("leave out examples whose answer is cut off, instead of failing")
        boolean dropCutOff,
    @JsonPropertyDescription("optimizer steps between validations; 0 for one per epoch")
        int evaluateEvery,
    @JsonPropertyDescription("validations without improvement before the stage ends; 0 for never")
        int patience,
    @JsonPropertyDescription(
            "validation examples used: of the instructions at least 1; of rec examples 0 for all")
        int validation,
    @JsonPropertyDescription("AdamW's decoupled weight decay") double weightDecay,
    @JsonPropertyDescription("gradients are clipped to this norm; 0 for never")
        double maxGradNorm) {

  /** Throws {@link IllegalArgumentException} naming the setting that makes no sense. */
  public StageSettings {
    require(epochs >= 0, "epochs", epochs, "at least 0");
    require(
        learningRate > 0 && learningRate < 10, "learning_rate", learningRate, "between 0 and 10");
    require(warmup >= 0 && Double.isFinite(warmup), "warmup", warmup, "at least 0");
    require(batchSize >= 1, "batch_size", batchSize, "at least 1");
    require(cutoff >= 2, "cutoff", cutoff, "at least 2");
    require(evaluateEvery >= 0, "evaluate_every", evaluateEvery, "at least 0");
    require(patience >= 0, "patience", patience, "at least 0");
    require(validation >= 0, "validation", validation, "at least 0");
    require(weightDecay >= 0, "weight_decay", weightDecay, "at least 0");
    require(maxGradNorm >= 0, "max_grad_norm", maxGradNorm, "at least 0");
  }

  /** Throws {@link IllegalArgumentException} unless {@code holds}. */
  static void require(boolean holds, String setting, Number value, String range) {
    if (!holds) {
      throw new IllegalArgumentException("%s is %s, not %s".formatted(setting, value, range));
    }
  }

  /** The trainer's configuration for {@code examples} examples. */
  TrainingConfig config(int examples, MemorySettings memory, long seed) {
    long steps = (long) epochs * Math.ceilDiv(examples, batchSize);
    int warmupSteps = (int) (warmup < 1 ? Math.round(warmup * steps) : warmup);
    return new TrainingConfig(
        learningRate,
        schedule,
        warmupSteps,
        epochs,
        batchSize,
        memory.microBatchTokens(),
        AdamWSettings.withDecay(weightDecay),
        maxGradNorm,
        memory.sharePrefix(),
        memory.savedLayers(),
        evaluateEvery,
        patience,
        seed);
  }
}
