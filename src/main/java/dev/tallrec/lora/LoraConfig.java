package dev.tallrec.lora;

import dev.tallrec.llama.LlamaConfig;
import dev.tallrec.llama.Projection;
import java.util.Collections;
import java.util.EnumSet;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * What is adapted and how, in PEFT's terms.
 *
 * @param rank r, 1 to {@value #LARGEST_RANK}
 * @param alpha numerator of the scale
 * @param dropout on the input of A while training, in [0, 1)
 * @param targets adapted projections, at least one
 * @param rankStabilized rsLoRA (Kalajdzievski, arXiv 2312.03732): alpha / sqrt(r) instead of alpha
 *     / r
 * @param layersToTransform adapted layers; all if empty
 */
public record LoraConfig(
    int rank,
    double alpha,
    double dropout,
    Set<Projection> targets,
    boolean rankStabilized,
    Optional<Set<Integer>> layersToTransform) {

  /** Largest rank accepted. */
  public static final int LARGEST_RANK = 1024;

  /** Throws {@link IllegalArgumentException} naming the option that makes no sense. */
  public LoraConfig {
    if (rank < 1 || rank > LARGEST_RANK) {
      throw new IllegalArgumentException("LoRA r " + rank + " is not in 1 to " + LARGEST_RANK);
    }
    if (!(alpha > 0 && Double.isFinite(alpha))) {
      throw new IllegalArgumentException("lora_alpha " + alpha + " is not positive");
    }
    if (!(dropout >= 0 && dropout < 1)) {
      throw new IllegalArgumentException("lora_dropout " + dropout + " is not in [0, 1)");
    }
    if (targets.isEmpty()) {
      throw new IllegalArgumentException("LoRA needs at least one of the target modules");
    }
    targets = Collections.unmodifiableSet(EnumSet.copyOf(targets));
    layersToTransform =
        layersToTransform.map(layers -> Collections.unmodifiableSet(new TreeSet<>(layers)));
  }

  /** The paper's: r 8, alpha 16, dropout 0.05 on q_proj and v_proj. */
  public static LoraConfig paper() {
    return new LoraConfig(
        8, 16, 0.05, EnumSet.of(Projection.Q_PROJ, Projection.V_PROJ), false, Optional.empty());
  }

  /** Factor on B A x. */
  public float scale() {
    return (float) (alpha / (rankStabilized ? Math.sqrt(rank) : rank));
  }

  /** Whether {@code projection} of {@code layer} is adapted. */
  public boolean adapts(int layer, Projection projection) {
    return targets.contains(projection)
        && layersToTransform.map(layers -> layers.contains(layer)).orElse(true);
  }

  /** The targets as PEFT calls them: "q_proj, v_proj". */
  public String targetNames() {
    return targets.stream().map(Projection::moduleName).collect(Collectors.joining(", "));
  }

  /** Trainable parameters on a model of that shape. */
  public long parameterCount(LlamaConfig config) {
    long count = 0;
    for (int layer = 0; layer < config.numHiddenLayers(); layer++) {
      for (Projection projection : targets) {
        if (adapts(layer, projection)) {
          count += (long) rank * (projection.inFeatures(config) + projection.outFeatures(config));
        }
      }
    }
    return count;
  }

  /**
   * Checks that the layers exist.
   *
   * @throws IllegalArgumentException naming the one that does not
   */
  public void checkFor(LlamaConfig config) {
    layersToTransform.ifPresent(layers -> {
      for (int layer : layers) {
        if (layer < 0 || layer >= config.numHiddenLayers()) {
          throw new IllegalArgumentException(
              "layers_to_transform names layer %d of a model of %d"
                  .formatted(layer, config.numHiddenLayers()));
        }
      }
    });
  }
}
