package dev.tallrec.backend.cpu;

import dev.tallrec.backend.Indices;
import dev.tallrec.backend.Matrix;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import org.jspecify.annotations.Nullable;

/** Cross-entropy and probabilities over the vocabulary, a row at a time. */
final class Losses {

  private static final int LANES = Vectors.LANES;

  private Losses() {}

  static void crossEntropyRow(
      Matrix logits,
      int row,
      int target,
      Matrix weights,
      float gradientScale,
      Matrix losses,
      @Nullable Matrix dlogits) {
    MemorySegment ls = HostBuffer.of(logits);
    long at = Vectors.at(logits, row);
    float weight = Vectors.get(HostBuffer.of(weights), Vectors.at(weights, row), 0);
    float max = Vectors.max(ls, at, logits.columns());
    float sum = sumOfExponentials(ls, at, logits.columns(), max);
    float loss = max + (float) Math.log(sum) - Vectors.get(ls, at, target);
    // A token that does not count must not count even where its logits are not finite.
    Vectors.set(HostBuffer.of(losses), Vectors.at(losses, row), 0, weight == 0 ? 0 : weight * loss);
    if (dlogits != null) {
      gradient(logits, row, target, max, sum, gradientScale * weight, dlogits);
    }
  }

  private static void gradient(
      Matrix logits, int row, int target, float max, float sum, float factor, Matrix dlogits) {
    MemorySegment ls = HostBuffer.of(logits);
    MemorySegment ds = HostBuffer.of(dlogits);
    long at = Vectors.at(logits, row);
    long dAt = Vectors.at(dlogits, row);
    float scale = factor / sum;
    int i = 0;
    for (; i < Vectors.FLOATS.loopBound(logits.columns()); i += LANES) {
      Vectors.store(VectorMath.exp(Vectors.load(ls, at, i).sub(max)).mul(scale), ds, dAt, i);
    }
    for (; i < logits.columns(); i++) {
      Vectors.set(ds, dAt, i, VectorMath.exp(Vectors.get(ls, at, i) - max) * scale);
    }
    Vectors.set(ds, dAt, target, Vectors.get(ds, dAt, target) - factor);
  }

  static void probabilitiesRow(Matrix logits, int row, Indices tokens, Matrix probabilities) {
    MemorySegment ls = HostBuffer.of(logits);
    long at = Vectors.at(logits, row);
    float max = Vectors.max(ls, at, logits.columns());
    float sum = sumOfExponentials(ls, at, logits.columns(), max);
    for (int j = 0; j < tokens.count(); j++) {
      float logit = Vectors.get(ls, at, HostBuffer.get(tokens, j));
      float probability = (float) (Math.exp((double) logit - max) / sum);
      Vectors.set(HostBuffer.of(probabilities), Vectors.at(probabilities, row), j, probability);
    }
  }

  private static float sumOfExponentials(MemorySegment logits, long at, int columns, float max) {
    FloatVector sums = FloatVector.zero(Vectors.FLOATS);
    int i = 0;
    for (; i < Vectors.FLOATS.loopBound(columns); i += LANES) {
      sums = sums.add(VectorMath.exp(Vectors.load(logits, at, i).sub(max)));
    }
    float sum = Vectors.sum(sums);
    for (; i < columns; i++) {
      sum += VectorMath.exp(Vectors.get(logits, at, i) - max);
    }
    return sum;
  }
}
