package dev.tallrec.train;

import dev.tallrec.tensor.DType;

/**
 * Dynamic loss scale for fp16: halved when gradients overflow, doubled after {@value
 * #GROWTH_INTERVAL} steps without (Micikevicius et al., arXiv 1710.03740). Always 1 for other
 * types.
 */
public final class LossScale {

  private static final double INITIAL = 65536;
  private static final double SMALLEST = 1;
  private static final int GROWTH_INTERVAL = 2000;

  /** What a checkpoint keeps of it. */
  record State(double scale, int goodSteps, long skipped) {}

  private final boolean dynamic;
  private double scale;
  private int goodSteps;
  private long skipped;

  /** The scale for activations of {@code type}. */
  public LossScale(DType type) {
    dynamic = type == DType.F16;
    scale = dynamic ? INITIAL : 1;
  }

  public double value() {
    return scale;
  }

  /** Steps that were not applied. */
  public long skipped() {
    return skipped;
  }

  /**
   * Takes note of a step.
   *
   * @param applied whether its gradients were finite
   * @throws ArithmeticException if gradients are not finite although the scale can fall no further
   */
  public void update(boolean applied) {
    if (applied) {
      goodSteps++;
      if (dynamic && goodSteps % GROWTH_INTERVAL == 0) {
        scale *= 2;
      }
      return;
    }
    goodSteps = 0;
    skipped++;
    if (!dynamic || scale <= SMALLEST) {
      throw new ArithmeticException(
          "gradients are not finite"
              + (dynamic ? " even with a loss scale of " + SMALLEST : "")
              + ": lower the learning rate, or look for NaN in the weights with inspect --check-finite");
    }
    scale /= 2;
  }

  State state() {
    return new State(scale, goodSteps, skipped);
  }

  void restore(State state) {
    scale = state.scale();
    goodSteps = state.goodSteps();
    skipped = state.skipped();
  }
}
