package dev.tallrec.verify.ops;

import dev.tallrec.backend.FrozenLinear;

/**
 * Something that lies in the memory of two devices.
 *
 * @param name for messages
 * @param expected on the reference
 * @param actual on the device that is checked
 * @param tolerance largest error relative to the largest value that passes
 */
public record Both<T>(String name, T expected, T actual, double tolerance) {

  /** The same with another tolerance. */
  Both<T> within(double other) {
    return new Both<>(name, expected, actual, other);
  }

  /** Outputs {@code first} to {@code first + count - 1} of frozen weights. */
  static Both<FrozenLinear> outputs(Both<FrozenLinear> of, int first, int count) {
    return new Both<>(
        of.name, of.expected.outputs(first, count), of.actual.outputs(first, count), of.tolerance);
  }

  /** Which of the two an operation is run with. */
  public enum Side {
    /** The device that says what is right. */
    REFERENCE,
    /** The device that is checked. */
    CHECKED;

    /** This side's part. */
    public <T> T of(Both<T> both) {
      return this == REFERENCE ? both.expected : both.actual;
    }
  }
}
