package dev.tallrec.verify;

/**
 * One group of a fixture's values against ours.
 *
 * @param group what was compared: "right.logits"
 * @param values how many numbers
 * @param error largest |ours - expected| of a tensor over the largest |expected| of that tensor;
 *     for tokens the number that differ
 * @param tolerance largest error that passes
 * @param noise what two correct fp32 implementations differ by, in the same unit; NaN if the
 *     fixture does not say
 * @param worst the tensor with the largest error
 */
public record Check(
    String group, long values, double error, double tolerance, double noise, String worst) {

  /** Whether the error is within tolerance; NaN is not. */
  public boolean passed() {
    return error <= tolerance;
  }
}
