package dev.tallrec.verify;

import dev.tallrec.tensor.Tensor;

/** The largest error within a group of tensors. */
final class Comparison {

  private final String group;
  private long values;
  private double error;
  private String worst = "";

  Comparison(String group) {
    this.group = group;
  }

  /** Compares whole tensors of one shape. */
  Comparison add(Tensor expected, Tensor ours) {
    Errors errors = new Errors();
    for (long i = 0; i < expected.shape().elementCount(); i++) {
      errors.add(expected.floatAt(i), ours.floatAt(i));
    }
    return add(expected.name(), errors);
  }

  Comparison add(String name, Errors errors) {
    values += errors.count;
    double relative = errors.relative();
    // Not "relative > error": NaN must win, and stay.
    if (!Double.isNaN(error) && !(relative <= error)) {
      error = relative;
      worst = name;
    }
    return this;
  }

  Check check(double tolerance, double noise) {
    return new Check(group, values, error, tolerance, noise, worst);
  }

  /** Pairs of numbers of one tensor. */
  static final class Errors {
    private long count;
    private double largestDifference;
    private double largestExpected;

    Errors add(double expected, double ours) {
      count++;
      double difference = Math.abs(expected - ours);
      if (!(difference <= largestDifference)) {
        largestDifference = Double.isNaN(largestDifference) ? largestDifference : difference;
      }
      largestExpected = Math.max(largestExpected, Math.abs(expected));
      return this;
    }

    /** Largest difference. */
    double largest() {
      return largestDifference;
    }

    /**
     * Largest difference over largest expected magnitude; the difference itself if all expected are
     * 0.
     */
    double relative() {
      return largestExpected == 0 ? largestDifference : largestDifference / largestExpected;
    }
  }
}
