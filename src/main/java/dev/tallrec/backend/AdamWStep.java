package dev.tallrec.backend;

/**
 * Parameters of one AdamW step (Loshchilov and Hutter, arXiv 1711.05101), as PyTorch computes it:
 * {@code w -= lr * weightDecay * w; w -= lr / (1 - beta1^t) * m / (sqrt(v / (1 - beta2^t)) +
 * epsilon)}.
 *
 * <p>Every step {@link #set}s it anew, so that a step makes no garbage; operations read it only
 * until they return.
 */
public final class AdamWStep {

  private final double beta1;
  private final double beta2;
  private final float epsilon;
  private final float weightDecay;
  private float learningRate;
  private long step;
  private float gradientScale;

  /**
   * Parameters, with a learning rate of 0 until {@link #set}.
   *
   * @param beta1 decay of the first moment
   * @param beta2 decay of the second moment
   * @param epsilon added to the root
   * @param weightDecay decoupled weight decay
   */
  public AdamWStep(double beta1, double beta2, float epsilon, float weightDecay) {
    this.beta1 = beta1;
    this.beta2 = beta2;
    this.epsilon = epsilon;
    this.weightDecay = weightDecay;
  }

  /** Parameters of a step; see {@link #set} and the other constructor. */
  public AdamWStep(
      float learningRate,
      double beta1,
      double beta2,
      float epsilon,
      float weightDecay,
      long step,
      float gradientScale) {
    this(beta1, beta2, epsilon, weightDecay);
    set(learningRate, step, gradientScale);
  }

  /**
   * Makes these the parameters of another step.
   *
   * @param newLearningRate lr of the step
   * @param newStep t, from 1
   * @param newGradientScale factor on every gradient before use: 1 / loss scale * clipping
   *     coefficient
   */
  public void set(float newLearningRate, long newStep, float newGradientScale) {
    learningRate = newLearningRate;
    step = newStep;
    gradientScale = newGradientScale;
  }

  /** What a weight is multiplied with before the step: 1 - lr * weightDecay. */
  public float decay() {
    return 1 - learningRate * weightDecay;
  }

  /** What a gradient's share of the first moment is: 1 - beta1. */
  public float share1() {
    return (float) (1 - beta1);
  }

  /** What a squared gradient's share of the second moment is: 1 - beta2. */
  public float share2() {
    return (float) (1 - beta2);
  }

  /** lr / (1 - beta1^t). */
  public float stepSize() {
    return (float) (learningRate / (1 - Math.pow(beta1, (double) step)));
  }

  /** What the root of v is divided by: sqrt(1 - beta2^t). */
  public float correction2Root() {
    return (float) Math.sqrt(1 - Math.pow(beta2, (double) step));
  }

  public double beta1() {
    return beta1;
  }

  public double beta2() {
    return beta2;
  }

  public float epsilon() {
    return epsilon;
  }

  public float weightDecay() {
    return weightDecay;
  }

  public float learningRate() {
    return learningRate;
  }

  public long step() {
    return step;
  }

  public float gradientScale() {
    return gradientScale;
  }
}
