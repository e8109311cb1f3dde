package dev.tallrec.backend;

/**
 * Closes what a failure leaves open, without losing the failure: after an error of a device that
 * stays, freeing its memory fails, too, and says less.
 */
public final class Cleanup {

  private Cleanup() {}

  /**
   * Runs each step, whatever becomes of the others.
   *
   * @param failure the caller's to throw; what a step throws is added to it as suppressed
   */
  public static void after(Throwable failure, Runnable... steps) {
    for (Runnable step : steps) {
      try {
        step.run();
      } catch (RuntimeException e) {
        failure.addSuppressed(e);
      }
    }
  }
}
