package dev.tallrec.llama;

import org.jspecify.annotations.Nullable;

/** The trainable pairs of a model, as far as its forward and backward pass are concerned. */
public interface Adapter {

  /** An adapter without pairs: the base model. */
  Adapter NONE = (layer, projection) -> null;

  /** The pair at that place, or null if the layer there is not adapted. */
  @Nullable LowRank at(int layer, Projection projection);

  /** True if layer has a pair at {@code last} or at a projection before it in the flow of data. */
  default boolean reaches(int layer, Projection last) {
    for (int i = 0; i <= last.ordinal(); i++) {
      if (at(layer, Projection.ALL.get(i)) != null) {
        return true;
      }
    }
    return false;
  }

  /**
   * The lowest layer with a pair, or {@code layers} if there is none: nothing below it needs a
   * gradient.
   */
  default int lowestLayer(int layers) {
    for (int layer = 0; layer < layers; layer++) {
      if (reaches(layer, Projection.DOWN_PROJ)) {
        return layer;
      }
    }
    return layers;
  }
}
