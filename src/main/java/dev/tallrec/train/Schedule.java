package dev.tallrec.train;

/** Learning rate over the steps of a run, as Hugging Face's schedulers have it. */
public enum Schedule {
  /** Warm-up, then as it is. */
  CONSTANT,
  /** Warm-up, then linearly to zero. */
  LINEAR,
  /** Warm-up, then half a cosine to zero. */
  COSINE;

  /**
   * Factor on the peak learning rate.
   *
   * @param step from 0
   * @param warmupSteps steps of linear warm-up, which starts at 0
   * @param totalSteps steps of the run
   */
  public double factor(long step, long warmupSteps, long totalSteps) {
    if (step < warmupSteps) {
      return (double) step / Math.max(1, warmupSteps);
    }
    double progress = (double) (step - warmupSteps) / Math.max(1, totalSteps - warmupSteps);
    return switch (this) {
      case CONSTANT -> 1;
      case LINEAR -> Math.max(0, 1 - progress);
      case COSINE -> Math.max(0, 0.5 * (1 + Math.cos(Math.PI * Math.min(1, progress))));
    };
  }
}
