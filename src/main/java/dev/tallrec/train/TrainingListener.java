package dev.tallrec.train;

/** Told what a run does, as it does it. */
public interface TrainingListener {

  /** Does nothing with what it is told. */
  TrainingListener SILENT =
      new TrainingListener() {
        @Override
        public void onStep(Step step) {}

        @Override
        public void onEvaluation(Evaluated evaluated) {}
      };

  /**
   * After an optimizer step.
   *
   * @param step from 1
   * @param totalSteps of the run
   * @param epoch from 1
   * @param loss mean over the batch's labels
   * @param learningRate used
   * @param gradientNorm before clipping
   * @param tokens of the batch's examples
   * @param seconds the step took
   * @param applied false if the step was skipped because gradients were not finite
   */
  record Step(
      long step,
      long totalSteps,
      int epoch,
      double loss,
      double learningRate,
      double gradientNorm,
      long tokens,
      double seconds,
      boolean applied) {}

  /**
   * After an evaluation.
   *
   * @param step after which it was made
   * @param score the higher the better
   * @param best whether it is the best so far
   */
  record Evaluated(long step, double score, boolean best) {}

  /** After each optimizer step. */
  void onStep(Step step);

  /** After each evaluation. */
  void onEvaluation(Evaluated evaluated);
}
