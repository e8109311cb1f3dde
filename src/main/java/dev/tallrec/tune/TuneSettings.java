package dev.tallrec.tune;

import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import java.util.List;

/**
 * Everything that can be set about a run, as it stands in YAML files (in snake_case) and behind
 * flags. The presets give every setting a value.
 */
public record TuneSettings(
    @JsonPropertyDescription("base model: a Hugging Face directory") String base,
    @JsonPropertyDescription(
            "adapter (PEFT directory) to start from instead of a new one; - for none")
        String adapter,
    @JsonPropertyDescription(
            "what to rec-tune on: movie, book, or directories with train.json, valid.json, test.json")
        List<String> data,
    @JsonPropertyDescription("data sets to report test AUC on; those of --data if empty")
        List<String> test,
    @JsonPropertyDescription("score the base, or the adapter to start from, before it is tuned")
        boolean evaluateBase,
    @JsonPropertyDescription(
            "examples of the instruction stage: alpaca (1,000 that come with this program), or a JSON file")
        String instructions,
    @JsonPropertyDescription(
            "train examples of each data set used in rec-tuning (K-shot); 0 for all")
        int k,
    @JsonPropertyDescription("of the K-shot sample, initial values, order and dropout") long seed,
    LoraSettings lora,
    StageSettings instruction,
    StageSettings rec,
    MemorySettings memory) {

  /** Throws {@link IllegalArgumentException} if k is negative. */
  public TuneSettings {
    StageSettings.require(k >= 0, "k", k, "at least 0");
  }

  boolean startsFromAdapter() {
    return !adapter.equals("-");
  }

  /** Whether the instructions are those that the program brings. */
  boolean instructionsComeAlong() {
    return instructions.equals("alpaca");
  }
}
