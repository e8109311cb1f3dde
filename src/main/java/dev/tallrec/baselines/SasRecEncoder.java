package dev.tallrec.baselines;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;

/**
 * One block of causal self-attention over a history, read at its last item. As in the paper's
 * scripts: queries are normalized and come back as the residual, keys and values are not.
 */
final class SasRecEncoder implements Encoder {

  private static final float EPSILON = 1e-5f;
  private static final float HIDDEN = -1e9f;

  /** A linear layer. */
  private record Linear(NDArray weight, NDArray bias) {

    static Linear of(Weights weights, String name, int width) {
      double bound = 1 / Math.sqrt(width);
      return new Linear(
          weights.uniform(name + ".weight", bound, width, width),
          weights.uniform(name + ".bias", bound, width));
    }

    NDArray of(NDArray x) {
      return x.matMul(weight).add(bias);
    }
  }

  /** A layer norm. */
  private record Norm(NDArray gain, NDArray shift) {

    static Norm of(Weights weights, String name, int width) {
      return new Norm(
          weights.constant(name + ".gain", 1, width), weights.constant(name + ".shift", 0, width));
    }

    NDArray of(NDArray x) {
      return x.getNDArrayInternal()
          .layerNorm(x, gain.getShape(), gain, shift, EPSILON)
          .singletonOrThrow();
    }
  }

  private final int width;
  private final int heads;
  private final double dropout;
  private final NDArray positions;
  private final NDArray rootOfWidth;
  private final NDArray causal;
  private final Norm queryNorm;
  private final Linear query;
  private final Linear key;
  private final Linear value;
  private final Norm attentionNorm;
  private final Linear inner;
  private final Linear outer;
  private final Norm innerNorm;
  private final Norm finalNorm;

  SasRecEncoder(Weights weights, int width, int heads, double dropout) {
    this.width = width;
    this.heads = heads;
    this.dropout = dropout;
    int length = Sequences.LENGTH;
    this.positions = weights.normal("positions", 1, length, width);
    this.rootOfWidth = weights.frozen((float) Math.sqrt(width));
    float[] mask = new float[length * length];
    for (int row = 0; row < length; row++) {
      for (int column = row + 1; column < length; column++) {
        mask[row * length + column] = HIDDEN;
      }
    }
    this.causal = weights.frozen(mask, 1, 1, length, length);
    this.queryNorm = Norm.of(weights, "query_norm", width);
    this.query = Linear.of(weights, "query", width);
    this.key = Linear.of(weights, "key", width);
    this.value = Linear.of(weights, "value", width);
    this.attentionNorm = Norm.of(weights, "attention_norm", width);
    this.inner = Linear.of(weights, "inner", width);
    this.outer = Linear.of(weights, "outer", width);
    this.innerNorm = Norm.of(weights, "inner_norm", width);
    this.finalNorm = Norm.of(weights, "final_norm", width);
  }

  @Override
  public NDArray encode(NDArray history, boolean training) {
    NDArray x = Encoder.dropout(history.add(positions), dropout, training);
    NDArray normed = queryNorm.of(x);
    NDArray scores =
        heads(query.of(normed))
            .matMul(heads(key.of(x)).transpose(0, 1, 3, 2))
            .div(rootOfWidth)
            .add(causal);
    NDArray attention = Encoder.dropout(scores.softmax(3), dropout, training);
    NDArray mixed =
        attention.matMul(heads(value.of(x))).transpose(0, 2, 1, 3).reshape(x.getShape());
    NDArray attended = attentionNorm.of(mixed.add(normed));
    NDArray fed =
        Encoder.dropout(
            outer.of(inner.of(attended).getNDArrayInternal().relu()), dropout, training);
    return finalNorm.of(innerNorm.of(fed.add(attended))).get(":, -1");
  }

  /** [batch, LENGTH, width] as [batch, heads, LENGTH, width / heads]. */
  private NDArray heads(NDArray x) {
    long batch = x.getShape().get(0);
    return x.reshape(new Shape(batch, Sequences.LENGTH, heads, width / heads))
        .transpose(0, 2, 1, 3);
  }

  @Override
  public int width() {
    return width;
  }
}
