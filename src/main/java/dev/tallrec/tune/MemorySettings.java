package dev.tallrec.tune;

import com.fasterxml.jackson.annotation.JsonPropertyDescription;

/**
 * What trades memory for speed. Results do not depend on it but for rounding and, under LoRA
 * dropout, for the masks: these are drawn by a row's place in its micro-batch.
 */
public record MemorySettings(
    @JsonPropertyDescription(
            "most tokens of one forward and backward pass; batches are split accordingly")
        int microBatchTokens,
    @JsonPropertyDescription(
            "tokens scored at a time before and after training; in between, as many as are trained on")
        int scoreBatchTokens,
    @JsonPropertyDescription(
            "layers whose activations are kept for the backward pass, the others'"
                + " are recomputed; -1 for as many as fit")
        int savedLayers,
    @JsonPropertyDescription("compute what all prompts of a micro-batch begin with only once")
        boolean sharePrefix) {

  /** Throws {@link IllegalArgumentException} naming the setting that makes no sense. */
  public MemorySettings {
    StageSettings.require(
        microBatchTokens >= 1, "micro_batch_tokens", microBatchTokens, "at least 1");
    StageSettings.require(
        scoreBatchTokens >= 1, "score_batch_tokens", scoreBatchTokens, "at least 1");
    StageSettings.require(savedLayers >= -1, "saved_layers", savedLayers, "at least -1");
  }
}
