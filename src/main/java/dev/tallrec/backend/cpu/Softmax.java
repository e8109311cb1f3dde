package dev.tallrec.backend.cpu;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/** Softmax over the scores of a query. */
final class Softmax {

  private static final int LANES = Vectors.LANES;

  private Softmax() {}

  /** Replaces {@code keys} scores by their softmax; returns log-sum-exp. */
  static float row(MemorySegment scores, int keys) {
    float max = Vectors.max(scores, 0, keys);
    FloatVector maxima = FloatVector.broadcast(Vectors.FLOATS, max);
    FloatVector sums = FloatVector.zero(Vectors.FLOATS);
    int i = 0;
    for (; i < Vectors.FLOATS.loopBound(keys); i += LANES) {
      FloatVector value = VectorMath.exp(Vectors.load(scores, 0, i).sub(maxima));
      Vectors.store(value, scores, 0, i);
      sums = sums.add(value);
    }
    float sum = Vectors.sum(sums);
    for (; i < keys; i++) {
      float value = VectorMath.exp(Vectors.get(scores, 0, i) - max);
      Vectors.set(scores, 0, i, value);
      sum += value;
    }
    Vectors.scale(1 / sum, scores, 0, keys);
    return max + (float) Math.log(sum);
  }
}
