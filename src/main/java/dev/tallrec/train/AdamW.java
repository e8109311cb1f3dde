package dev.tallrec.train;

import dev.tallrec.backend.AdamWStep;
import dev.tallrec.backend.Device;
import dev.tallrec.backend.DeviceArena;
import dev.tallrec.backend.Matrix;
import dev.tallrec.lora.LoraParameters;
import dev.tallrec.tensor.DType;

/** AdamW over an adapter's flat masters. Owner of the two moments' device memory. */
public final class AdamW implements AutoCloseable {

  /**
   * What one step did.
   *
   * @param gradientNorm global L2 norm before clipping
   * @param applied false if the gradients were not finite and nothing was changed
   */
  public record Result(double gradientNorm, boolean applied) {}

  private final Device device;
  private final LoraParameters parameters;
  private final DeviceArena memory;
  private final Matrix firstMoment;
  private final Matrix secondMoment;
  private final double beta1;
  private final double beta2;
  private final float epsilon;
  private final float weightDecay;
  private long steps;

  /** An optimizer for {@code parameters} with zero moments. */
  public AdamW(
      Device device,
      LoraParameters parameters,
      double beta1,
      double beta2,
      double epsilon,
      double weightDecay) {
    this.device = device;
    this.parameters = parameters;
    this.beta1 = beta1;
    this.beta2 = beta2;
    this.epsilon = (float) epsilon;
    this.weightDecay = (float) weightDecay;
    memory = device.newArena();
    try {
      int size = parameters.masters().columns();
      firstMoment = Matrix.allocate(memory, "first moment", DType.F32, 1, size);
      secondMoment = Matrix.allocate(memory, "second moment", DType.F32, 1, size);
    } catch (RuntimeException | Error e) {
      memory.close();
      throw e;
    }
  }

  /**
   * Clips, updates the masters and the working copy, and zeroes the gradients.
   *
   * @param maxGradientNorm clipping threshold, 0 for none
   * @param lossScale what the gradients were multiplied by
   */
  public Result step(double learningRate, double maxGradientNorm, double lossScale) {
    double norm = Math.sqrt(device.ops().sumOfSquares(parameters.gradients())) / lossScale;
    boolean finite = Double.isFinite(norm);
    if (finite) {
      // PyTorch's clip_grad_norm_ adds 1e-6 to the norm; so do we, to give the same weights.
      double clip = maxGradientNorm > 0 ? Math.min(1, maxGradientNorm / (norm + 1e-6)) : 1;
      steps++;
      device
          .ops()
          .adamW(
              parameters.masters(),
              parameters.gradients(),
              firstMoment,
              secondMoment,
              parameters.workingCopy(),
              new AdamWStep(
                  (float) learningRate,
                  beta1,
                  beta2,
                  epsilon,
                  weightDecay,
                  steps,
                  (float) (clip / lossScale)));
    }
    device.ops().fill(parameters.gradients(), 0);
    return new Result(norm, finite);
  }

  /** Steps applied so far. */
  public long steps() {
    return steps;
  }

  Matrix firstMoment() {
    return firstMoment;
  }

  Matrix secondMoment() {
    return secondMoment;
  }

  /** Continues from a checkpoint's count of steps. */
  void restoreSteps(long count) {
    steps = count;
  }

  @Override
  public void close() {
    memory.close();
  }
}
