package dev.tallrec.tune;

import dev.tallrec.train.TrainingListener;

/** Told what a run does, as it does it. */
public interface RunListener {

  /** Something worth a line. */
  void message(String line);

  /**
   * Begins a task.
   *
   * @param name of the task
   * @param total units of work: steps, or examples
   */
  void begin(String name, long total);

  /** Work done of the task that began last. */
  void advance(long done, String detail);

  /** Ends the task that began last. */
  void end();

  /** What a trainer tells, as advance and messages. */
  default TrainingListener training(String measure) {
    RunListener self = this;
    return new TrainingListener() {
      @Override
      public void onStep(Step step) {
        self.advance(
            step.step(),
            "epoch %d, loss %.4f, %,.0f tokens/s%s"
                .formatted(
                    step.epoch(),
                    step.loss(),
                    step.tokens() / step.seconds(),
                    step.applied() ? "" : ", skipped: gradients overflowed"));
      }

      @Override
      public void onEvaluation(Evaluated evaluated) {
        self.message(
            "  step %d: %s %.4f%s"
                .formatted(
                    evaluated.step(),
                    measure,
                    Math.abs(evaluated.score()),
                    evaluated.best() ? ", the best so far" : ""));
      }
    };
  }
}
