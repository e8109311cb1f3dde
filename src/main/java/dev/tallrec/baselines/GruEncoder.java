package dev.tallrec.baselines;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.Shape;

/** The last hidden state of a stack of GRU layers. */
final class GruEncoder implements Encoder {

  private static final int GATES = 3;

  private final NDList parameters = new NDList();
  private final int layers;
  private final int hidden;

  GruEncoder(Weights weights, int input, int hidden, int layers) {
    this.layers = layers;
    this.hidden = hidden;
    double bound = 1 / Math.sqrt(hidden);
    for (int layer = 0; layer < layers; layer++) {
      String name = "gru" + layer;
      long gates = (long) GATES * hidden;
      parameters.add(weights.uniform(name + ".w_ih", bound, gates, layer == 0 ? input : hidden));
      parameters.add(weights.uniform(name + ".w_hh", bound, gates, hidden));
      parameters.add(weights.uniform(name + ".b_ih", bound, gates));
      parameters.add(weights.uniform(name + ".b_hh", bound, gates));
    }
  }

  @Override
  public NDArray encode(NDArray history, boolean training) {
    NDArray start =
        history.getManager().zeros(new Shape(layers, history.getShape().get(0), hidden));
    NDArray states =
        history
            .getNDArrayInternal()
            .gru(history, start, parameters, true, layers, 0, training, false, true)
            .getFirst();
    return states.get(":, -1");
  }

  @Override
  public int width() {
    return hidden;
  }
}
