package dev.tallrec.lora;

import dev.tallrec.llama.LlamaConfig;
import dev.tallrec.llama.Projection;
import dev.tallrec.tensor.Shape;
import dev.tallrec.tensor.Tensor;

/**
 * A and B of one linear layer, F32, in host memory of their {@link LoraAdapter}.
 *
 * @param layer block number
 * @param projection place in the block
 * @param a [r, in]
 * @param b [out, r]
 */
public record LoraPair(int layer, Projection projection, Tensor a, Tensor b) {

  private static String prefix(int layer, Projection projection) {
    return "base_model.model.model.layers." + layer + "." + projection.path();
  }

  /** PEFT's name of A. */
  static String nameOfA(int layer, Projection projection) {
    return prefix(layer, projection) + ".lora_A.weight";
  }

  /** PEFT's name of B. */
  static String nameOfB(int layer, Projection projection) {
    return prefix(layer, projection) + ".lora_B.weight";
  }

  static Shape shapeOfA(LlamaConfig base, LoraConfig lora, int layer, Projection projection) {
    return Shape.of(lora.rank(layer, projection), projection.inFeatures(base));
  }

  static Shape shapeOfB(LlamaConfig base, LoraConfig lora, int layer, Projection projection) {
    return Shape.of(projection.outFeatures(base), lora.rank(layer, projection));
  }
}
