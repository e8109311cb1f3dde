package dev.tallrec.tune;

import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import dev.tallrec.llama.Projection;
import dev.tallrec.lora.LoraConfig;
import dev.tallrec.lora.TargetModules;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/** What is adapted, in PEFT's terms. */
public record LoraSettings(
    @JsonPropertyDescription("rank of the LoRA matrices") int r,
    @JsonPropertyDescription("LoRA scale is alpha / r") double alpha,
    @JsonPropertyDescription("dropout on LoRA inputs while training") double dropout,
    @JsonPropertyDescription(
            "adapted projections, of q_proj k_proj v_proj o_proj gate_proj up_proj down_proj")
        List<String> targetModules,
    @JsonPropertyDescription("rsLoRA: scale is alpha / sqrt(r)") boolean useRslora,
    @JsonPropertyDescription("adapted layers; all if empty") List<Integer> layersToTransform) {

  /**
   * The configuration these describe.
   *
   * @throws IllegalArgumentException naming the setting that makes no sense
   */
  LoraConfig config() {
    Set<Projection> targets = EnumSet.noneOf(Projection.class);
    for (String name : targetModules) {
      targets.add(
          Projection.named(name)
              .orElseThrow(() ->
                  new IllegalArgumentException(
                      "lora.target_modules: there is no projection " + name)));
    }
    Optional<Set<Integer>> layers =
        layersToTransform.isEmpty()
            ? Optional.empty()
            : Optional.of(new TreeSet<>(layersToTransform));
    return new LoraConfig(r, alpha, dropout, TargetModules.of(targets), useRslora, layers);
  }
}
