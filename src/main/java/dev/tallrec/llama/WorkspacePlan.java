package dev.tallrec.llama;

/**
 * What a {@link Workspace} must hold.
 *
 * @param maxTokens most tokens in a micro-batch
 * @param maxSequences most sequences in a micro-batch, shared prefixes among them
 * @param training whether a backward pass will follow
 * @param savedLayers layers whose activations are kept from forward to backward; the others' are
 *     recomputed. Ignored unless {@code training}
 * @param logitRows rows of logits computed at a time
 */
public record WorkspacePlan(
    int maxTokens, int maxSequences, boolean training, int savedLayers, int logitRows) {

  /** Logits are computed in pieces of at most this many elements. */
  private static final int LOGIT_ELEMENTS = 16 << 20;

  /** A GPU's product works on so many rows at a time; what is left of a tile is lost. */
  private static final int TILE_ROWS = 128;

  /** Throws {@link IllegalArgumentException} if a number makes no sense. */
  public WorkspacePlan {
    if (maxTokens <= 0 || maxSequences <= 0 || savedLayers < 0 || logitRows <= 0) {
      throw new IllegalArgumentException(
          "workspace of %d tokens, %d sequences, %d saved layers, %d logit rows"
              .formatted(maxTokens, maxSequences, savedLayers, logitRows));
    }
  }

  /** For forward passes only. */
  public static WorkspacePlan forInference(LlamaConfig config, int maxTokens, int maxSequences) {
    return new WorkspacePlan(maxTokens, maxSequences, false, 0, logitRows(config, maxTokens));
  }

  /** For training, with the activations of {@code savedLayers} layers kept. */
  public static WorkspacePlan forTraining(
      LlamaConfig config, int maxTokens, int maxSequences, int savedLayers) {
    return new WorkspacePlan(
        maxTokens,
        maxSequences,
        true,
        Math.min(savedLayers, config.numHiddenLayers()),
        logitRows(config, maxTokens));
  }

  private static int logitRows(LlamaConfig config, int maxTokens) {
    int rows = LOGIT_ELEMENTS / config.vocabSize();
    return Math.clamp(rows > TILE_ROWS ? rows / TILE_ROWS * TILE_ROWS : rows, 1, maxTokens);
  }
}
