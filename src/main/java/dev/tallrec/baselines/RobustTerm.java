package dev.tallrec.baselines;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.util.Arrays;

/**
 * The distributionally robust term of DROS (Yang et al., SIGIR 2023). For a row with scores y and
 * target t, which is taken for liked whatever its label:
 *
 * <pre>log(sum over i other than t of exp(p_i y_i^2) + exp(p_t (y_t - 1)^2))</pre>
 *
 * <p>where p_i is the item's share of the training targets, one added to all counts, raised to a
 * power. The sum has a summand of about one for each item, and the logarithm's gradient divides by
 * it: with a power of 0.5 the shares are small too, and over many items next to nothing is left.
 */
final class RobustTerm {

  private static final float SMALLEST = 1e-24f;

  private final float[] shares;
  private final NDArray allShares;
  private final NDArray weight;

  /**
   * The term for a training set.
   *
   * @param weights whose manager owns the shares
   * @param weight of the term in the loss
   */
  RobustTerm(Weights weights, Sequences train, int items, double power, double weight) {
    this.shares = shares(train, items, power);
    this.allShares = weights.frozen(shares, 1, items);
    this.weight = weights.frozen((float) weight);
  }

  private static float[] shares(Sequences train, int items, double power) {
    double[] counts = new double[items];
    Arrays.fill(counts, 1);
    for (long target : train.targets()) {
      counts[(int) target]++;
    }
    double sum = Arrays.stream(counts).sum();
    float[] shares = new float[items];
    for (int i = 0; i < items; i++) {
      shares[i] = (float) Math.pow(counts[i] / sum, power);
    }
    return shares;
  }

  /**
   * Mean of the term over a batch, times its weight.
   *
   * @param all scores, [batch, items]
   * @param chosen scores of the targets, [batch, 1]
   */
  NDArray of(NDManager step, NDArray all, NDArray chosen, Sequences batch) {
    float[] ofTargets = new float[batch.rows()];
    for (int i = 0; i < ofTargets.length; i++) {
      ofTargets[i] = shares[(int) batch.targets()[i]];
    }
    NDArray share = step.create(ofTargets, new Shape(batch.rows(), 1));
    NDArray energies = all.square().mul(allShares).exp();
    NDArray asNegative = chosen.square().mul(share).exp();
    NDArray asPositive = chosen.sub(1).square().mul(share).exp();
    return energies
        .sum(new int[] {1}, true)
        .sub(asNegative)
        .add(asPositive)
        .add(SMALLEST)
        .log()
        .mean()
        .mul(weight);
  }
}
