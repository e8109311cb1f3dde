package dev.tallrec.train;

/**
 * What {@link AdamW} is set to for a whole run.
 *
 * @param beta1 decay of the first moment
 * @param beta2 decay of the second moment
 * @param epsilon added to the root of the second
 * @param weightDecay decoupled weight decay
 */
public record AdamWSettings(double beta1, double beta2, double epsilon, double weightDecay) {

  /** Throws {@link IllegalArgumentException} naming the setting that makes no sense. */
  public AdamWSettings {
    TrainingConfig.require(
        beta1 >= 0 && beta1 < 1 && beta2 >= 0 && beta2 < 1, "betas " + beta1 + ", " + beta2);
    TrainingConfig.require(epsilon > 0, "epsilon " + epsilon);
    TrainingConfig.require(weightDecay >= 0, "weight decay " + weightDecay);
  }

  /** Those of the paper's scripts, which are PyTorch's, with a weight decay. */
  public static AdamWSettings withDecay(double weightDecay) {
    return new AdamWSettings(0.9, 0.999, 1e-8, weightDecay);
  }
}
