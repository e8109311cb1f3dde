package dev.tallrec.cli;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/** Ctrl-C, or a polite kill: raised once, asked after every step and batch that is scored. */
final class StopSignal implements BooleanSupplier {

  private static final long PATIENCE_MINUTES = 10;

  private volatile boolean raised;
  private volatile boolean listening;

  /** Raises the signal and waits until the program has saved what it must, if anything listens. */
  void raise(CountDownLatch finished) {
    raised = true;
    if (!listening) {
      return;
    }
    System.err.println();
    System.err.println("stopping after this step, or batch");
    try {
      if (!finished.await(PATIENCE_MINUTES, TimeUnit.MINUTES)) {
        System.err.println("gave up waiting for it to end");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Says whether there is something to save when the signal comes. */
  void listen(boolean listens) {
    listening = listens;
  }

  boolean isRaised() {
    return raised;
  }

  @Override
  public boolean getAsBoolean() {
    return raised;
  }
}
