package dev.tallrec.train;

import java.util.function.BooleanSupplier;

/** A run was stopped from outside after saving its state. */
public final class TrainingStoppedException extends Exception {

  private static final long serialVersionUID = 1L;

  public TrainingStoppedException(String message) {
    super(message);
  }

  /** Throws one if {@code stop} says so. */
  public static void throwIf(BooleanSupplier stop, String message) throws TrainingStoppedException {
    if (stop.getAsBoolean()) {
      throw new TrainingStoppedException(message);
    }
  }
}
