package dev.tallrec.train;

import dev.tallrec.backend.AdamWStep;
import dev.tallrec.backend.Cleanup;
import dev.tallrec.backend.Device;
import dev.tallrec.backend.DeviceArena;
import dev.tallrec.backend.Matrix;
import dev.tallrec.lora.LoraParameters;
import dev.tallrec.tensor.DType;

/** AdamW over an adapter's flat masters. Owner of the two moments' device memory. */
public final class AdamW implements AutoCloseable {

  private final Device device;
  private final LoraParameters parameters;
  private final DeviceArena memory;
  private final Matrix firstMoment;
  private final Matrix secondMoment;
  private final AdamWStep step;
  private long steps;

  /** An optimizer for {@code parameters} with zero moments. */
  public AdamW(Device device, LoraParameters parameters, AdamWSettings settings) {
    this.device = device;
    this.parameters = parameters;
    step =
        new AdamWStep(
            settings.beta1(),
            settings.beta2(),
            (float) settings.epsilon(),
            (float) settings.weightDecay());
    memory = device.newArena();
    try {
      int size = parameters.masters().columns();
      firstMoment = Matrix.allocate(memory, "first moment", DType.F32, 1, size);
      secondMoment = Matrix.allocate(memory, "second moment", DType.F32, 1, size);
    } catch (RuntimeException | Error e) {
      Cleanup.after(e, memory::close);
      throw e;
    }
  }

  /**
   * Clips, updates the masters and the working copy, and zeroes the gradients.
   *
   * @param maxGradientNorm clipping threshold, 0 for none
   * @param lossScale what the gradients were multiplied by
   * @return global L2 norm of the gradients before clipping; where it is not finite nothing was
   *     updated
   */
  public double step(double learningRate, double maxGradientNorm, double lossScale) {
    double norm = Math.sqrt(device.ops().sumOfSquares(parameters.gradients())) / lossScale;
    if (Double.isFinite(norm)) {
      // PyTorch's clip_grad_norm_ adds 1e-6 to the norm; so do we, to give the same weights.
      double clip = maxGradientNorm > 0 ? Math.min(1, maxGradientNorm / (norm + 1e-6)) : 1;
      steps++;
      step.set((float) learningRate, steps, (float) (clip / lossScale));
      device
          .ops()
          .adamW(
              parameters.masters(),
              parameters.gradients(),
              firstMoment,
              secondMoment,
              parameters.workingCopy(),
              step);
    }
    device.ops().fill(parameters.gradients(), 0);
    return norm;
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
