package dev.tallrec.train;

/**
 * How to tune.
 *
 * @param learningRate peak
 * @param schedule of the learning rate
 * @param warmupSteps optimizer steps of warm-up
 * @param epochs passes over the examples
 * @param batchSize examples per optimizer step; the last batch of an epoch may be smaller
 * @param microBatchTokens tokens per forward and backward pass; batches are split accordingly
 * @param adamW what the optimizer is set to
 * @param maxGradientNorm clipping threshold, 0 for none
 * @param sharePrefix whether prompts' common prefix is computed once a micro-batch
 * @param savedLayers layers whose activations are kept, the others are recomputed; -1 for as many
 *     as fit
 * @param evaluateEvery optimizer steps between evaluations; 0 for one after each epoch
 * @param patience evaluations without a better score before training ends; 0 for never
 * @param seed of the order of examples and of dropout
 */
public record TrainingConfig(
    double learningRate,
    Schedule schedule,
    int warmupSteps,
    int epochs,
    int batchSize,
    int microBatchTokens,
    AdamWSettings adamW,
    double maxGradientNorm,
    boolean sharePrefix,
    int savedLayers,
    int evaluateEvery,
    int patience,
    long seed) {

  /** Throws {@link IllegalArgumentException} naming the setting that makes no sense. */
  public TrainingConfig {
    require(learningRate > 0 && learningRate < 10, "learning rate " + learningRate);
    require(warmupSteps >= 0, "warm-up steps " + warmupSteps);
    require(epochs > 0, "epochs " + epochs);
    require(batchSize > 0, "batch size " + batchSize);
    require(microBatchTokens > 0, "micro-batch tokens " + microBatchTokens);
    require(maxGradientNorm >= 0, "gradient norm " + maxGradientNorm);
    require(savedLayers >= -1, "saved layers " + savedLayers);
    require(evaluateEvery >= 0 && patience >= 0, "evaluation interval or patience");
  }

  static void require(boolean holds, String what) {
    if (!holds) {
      throw new IllegalArgumentException(what + " makes no sense");
    }
  }

  /** Optimizer steps in an epoch over {@code examples}. */
  public int stepsPerEpoch(int examples) {
    return Math.ceilDiv(examples, batchSize);
  }

  /** Optimizer steps of a whole run over {@code examples}. */
  public long totalSteps(int examples) {
    return (long) epochs * stepsPerEpoch(examples);
  }
}
