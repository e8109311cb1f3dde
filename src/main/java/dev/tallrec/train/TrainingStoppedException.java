package dev.tallrec.train;

/** A run was stopped from outside after saving its state. */
public final class TrainingStoppedException extends Exception {

  private static final long serialVersionUID = 1L;

  public TrainingStoppedException(String message) {
    super(message);
  }
}
