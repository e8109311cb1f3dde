package dev.tallrec.backend.cpu;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/** Softmax over the scores of a query, and its gradient; keys that it does not see get 0. */
final class Softmax {

  private static final int LANES = Vectors.LANES;

  private Softmax() {}

  /**
   * Replaces the first {@code seen} scores by their softmax, the others by 0; returns log-sum-exp.
   */
  static float row(MemorySegment scores, long at, int seen, int keys) {
    float max = Vectors.max(scores, at, seen);
    FloatVector maxima = FloatVector.broadcast(Vectors.FLOATS, max);
    FloatVector sums = FloatVector.zero(Vectors.FLOATS);
    int i = 0;
    for (; i <= seen - LANES; i += LANES) {
      FloatVector value = VectorMath.exp(Vectors.load(scores, at, i).sub(maxima));
      Vectors.store(value, scores, at, i);
      sums = sums.add(value);
    }
    float sum = Vectors.sum(sums);
    for (; i < seen; i++) {
      float value = VectorMath.exp(Vectors.get(scores, at, i) - max);
      Vectors.set(scores, at, i, value);
      sum += value;
    }
    Vectors.scale(1 / sum, scores, at, seen);
    clear(scores, at, seen, keys);
    return max + (float) Math.log(sum);
  }

  private static void clear(MemorySegment values, long at, int from, int to) {
    Vectors.clear(values, at + (long) from * Float.BYTES, to - from);
  }

  /** weights = exp(scores - lse), gradients = scale * weights * (gradients - delta). */
  static void gradientRow(
      MemorySegment weights,
      MemorySegment gradients,
      long at,
      int seen,
      int keys,
      float lse,
      float delta,
      float scale) {
    int i = 0;
    for (; i <= seen - LANES; i += LANES) {
      FloatVector weight = VectorMath.exp(Vectors.load(weights, at, i).sub(lse));
      Vectors.store(weight, weights, at, i);
      FloatVector gradient = Vectors.load(gradients, at, i).sub(delta).mul(weight).mul(scale);
      Vectors.store(gradient, gradients, at, i);
    }
    for (; i < seen; i++) {
      float weight = VectorMath.exp(Vectors.get(weights, at, i) - lse);
      Vectors.set(weights, at, i, weight);
      Vectors.set(gradients, at, i, (Vectors.get(gradients, at, i) - delta) * weight * scale);
    }
    clear(weights, at, seen, keys);
    clear(gradients, at, seen, keys);
  }
}
