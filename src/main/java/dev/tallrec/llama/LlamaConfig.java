package dev.tallrec.llama;

import dev.tallrec.tensor.DType;
import dev.tallrec.tensor.Shape;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Architecture of a LLaMA, in Hugging Face's terms. {@link LlamaConfigReader} reads it from
 * config.json.
 *
 * @param vocabSize rows of the embedding table
 * @param hiddenSize width of the residual stream
 * @param intermediateSize width of the feed-forward layer
 * @param numHiddenLayers number of blocks
 * @param numAttentionHeads query heads
 * @param numKeyValueHeads key and value heads; divides numAttentionHeads
 * @param headDim width of a head; even
 * @param rmsNormEps epsilon of RMSNorm
 * @param ropeTheta base of the rotary frequencies
 * @param ropeScaling change of the rotary frequencies
 * @param maxPositionEmbeddings longest sequence
 * @param tieWordEmbeddings whether lm_head is the embedding table
 * @param dtype type the checkpoint says its weights are stored in
 * @param eosTokenIds ids that end one; may be empty
 */
public record LlamaConfig(
    int vocabSize,
    int hiddenSize,
    int intermediateSize,
    int numHiddenLayers,
    int numAttentionHeads,
    int numKeyValueHeads,
    int headDim,
    float rmsNormEps,
    float ropeTheta,
    RopeScaling ropeScaling,
    int maxPositionEmbeddings,
    boolean tieWordEmbeddings,
    DType dtype,
    List<Integer> eosTokenIds) {

  /** Throws {@link IllegalArgumentException} naming the field that makes no sense. */
  public LlamaConfig {
    eosTokenIds = List.copyOf(eosTokenIds);
    requirePositive("vocab_size", vocabSize);
    requirePositive("hidden_size", hiddenSize);
    requirePositive("intermediate_size", intermediateSize);
    requirePositive("num_hidden_layers", numHiddenLayers);
    requirePositive("num_attention_heads", numAttentionHeads);
    requirePositive("num_key_value_heads", numKeyValueHeads);
    requirePositive("head_dim", headDim);
    requirePositive("max_position_embeddings", maxPositionEmbeddings);
    if (numAttentionHeads % numKeyValueHeads != 0) {
      throw new IllegalArgumentException(
          "num_key_value_heads %d does not divide num_attention_heads %d"
              .formatted(numKeyValueHeads, numAttentionHeads));
    }
    if (headDim % 2 != 0) {
      throw new IllegalArgumentException("head_dim " + headDim + " is odd: rope needs pairs");
    }
    if (!(rmsNormEps > 0 && rmsNormEps < 1)) {
      throw new IllegalArgumentException("rms_norm_eps " + rmsNormEps + " is not in (0, 1)");
    }
    if (!(ropeTheta > 0 && Float.isFinite(ropeTheta))) {
      throw new IllegalArgumentException("rope_theta " + ropeTheta + " is not positive");
    }
    if ((long) numAttentionHeads * headDim > 1 << 20
        || hiddenSize > 1 << 20
        || vocabSize > 1 << 24
        || intermediateSize > 1 << 22
        || numHiddenLayers > 1 << 12) {
      throw new IllegalArgumentException(
          "sizes beyond any LLaMA: "
              + vocabSize
              + " x "
              + hiddenSize
              + ", "
              + numHiddenLayers
              + " layers of "
              + numAttentionHeads
              + " x "
              + headDim
              + " and "
              + intermediateSize);
    }
  }

  private static void requirePositive(String field, int value) {
    if (value <= 0) {
      throw new IllegalArgumentException(field + " " + value + " is not positive");
    }
  }

  /** Width of q: numAttentionHeads * headDim. */
  public int queryWidth() {
    return numAttentionHeads * headDim;
  }

  /** Width of k and of v: numKeyValueHeads * headDim. */
  public int keyValueWidth() {
    return numKeyValueHeads * headDim;
  }

  /** Parameters of the base model. */
  public long parameterCount() {
    return expectedTensors().values().stream().mapToLong(Shape::elementCount).sum();
  }

  /** Name and shape of every tensor that a Hugging Face checkpoint of this model holds. */
  public Map<String, Shape> expectedTensors() {
    Map<String, Shape> tensors = new LinkedHashMap<>();
    tensors.put(LlamaWeights.EMBEDDING, Shape.of(vocabSize, hiddenSize));
    for (int layer = 0; layer < numHiddenLayers; layer++) {
      tensors.put(LlamaWeights.inputNorm(layer), Shape.of(hiddenSize));
      for (Projection projection : Projection.values()) {
        tensors.put(
            projection.weightName(layer),
            Shape.of(projection.outFeatures(this), projection.inFeatures(this)));
      }
      tensors.put(LlamaWeights.postAttentionNorm(layer), Shape.of(hiddenSize));
    }
    tensors.put(LlamaWeights.FINAL_NORM, Shape.of(hiddenSize));
    if (!tieWordEmbeddings) {
      tensors.put(LlamaWeights.LM_HEAD, Shape.of(vocabSize, hiddenSize));
    }
    return tensors;
  }
}
