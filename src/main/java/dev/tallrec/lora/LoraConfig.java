package dev.tallrec.lora;

import dev.tallrec.llama.LlamaConfig;
import dev.tallrec.llama.Projection;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/**
 * What is adapted and how, in PEFT's terms.
 *
 * @param rank r, 1 to {@value #LARGEST_RANK}
 * @param alpha numerator of the scale
 * @param dropout on the input of A while training, in [0, 1)
 * @param targets adapted linear layers
 * @param rankStabilized rsLoRA (Kalajdzievski, arXiv 2312.03732): alpha / sqrt(r) instead of alpha
 *     / r
 * @param layersToTransform adapted layers; all if empty
 * @param rankPattern modules whose r is not {@code rank}
 * @param alphaPattern modules whose lora_alpha is not {@code alpha}
 */
public record LoraConfig(
    int rank,
    double alpha,
    double dropout,
    TargetModules targets,
    boolean rankStabilized,
    Optional<Set<Integer>> layersToTransform,
    ModulePattern<Integer> rankPattern,
    ModulePattern<Double> alphaPattern) {

  /** Largest rank accepted. */
  public static final int LARGEST_RANK = 1024;

  /**
   * Most parameters of an adapter: they are one vector, with gaps, whose elements an int counts.
   */
  private static final long MOST_PARAMETERS = 2_000_000_000;

  /** Throws {@link IllegalArgumentException} naming the option that makes no sense. */
  public LoraConfig {
    checkRank(rank);
    rankPattern.values().forEach(LoraConfig::checkRank);
    checkAlpha(alpha);
    alphaPattern.values().forEach(LoraConfig::checkAlpha);
    if (!(dropout >= 0 && dropout < 1)) {
      throw new IllegalArgumentException("lora_dropout " + dropout + " is not in [0, 1)");
    }
    layersToTransform =
        layersToTransform.map(layers -> Collections.unmodifiableSet(new TreeSet<>(layers)));
  }

  /** The same rank and alpha for all that is adapted. */
  public LoraConfig(
      int rank,
      double alpha,
      double dropout,
      TargetModules targets,
      boolean rankStabilized,
      Optional<Set<Integer>> layersToTransform) {
    this(
        rank,
        alpha,
        dropout,
        targets,
        rankStabilized,
        layersToTransform,
        ModulePattern.none(),
        ModulePattern.none());
  }

  private static void checkRank(int rank) {
    if (rank < 1 || rank > LARGEST_RANK) {
      throw new IllegalArgumentException("LoRA r " + rank + " is not in 1 to " + LARGEST_RANK);
    }
  }

  private static void checkAlpha(double alpha) {
    if (!(alpha > 0 && Double.isFinite(alpha))) {
      throw new IllegalArgumentException("lora_alpha " + alpha + " is not positive");
    }
  }

  /** The paper's: r 8, alpha 16, dropout 0.05 on q_proj and v_proj. */
  public static LoraConfig paper() {
    return new LoraConfig(
        8,
        16,
        0.05,
        TargetModules.of(EnumSet.of(Projection.Q_PROJ, Projection.V_PROJ)),
        false,
        Optional.empty());
  }

  /** r of one adapted layer. */
  public int rank(int layer, Projection projection) {
    return rankPattern.valueFor(projection.moduleName(layer)).orElse(rank);
  }

  /** Factor on B A x of one adapted layer. */
  public float scale(int layer, Projection projection) {
    double numerator = alphaPattern.valueFor(projection.moduleName(layer)).orElse(alpha);
    int r = rank(layer, projection);
    return (float) (numerator / (rankStabilized ? Math.sqrt(r) : r));
  }

  /** Whether {@code projection} of {@code layer} is adapted. */
  public boolean adapts(int layer, Projection projection) {
    return targets.contains(projection.moduleName(layer))
        && layersToTransform.map(layers -> layers.contains(layer)).orElse(true);
  }

  /** What is adapted in a model of that shape, by layer, then projection. */
  List<AdaptedLayer> adaptedIn(LlamaConfig base) {
    List<AdaptedLayer> adapted = new ArrayList<>();
    for (int layer = 0; layer < base.numHiddenLayers(); layer++) {
      for (Projection projection : Projection.values()) {
        if (adapts(layer, projection)) {
          adapted.add(new AdaptedLayer(layer, projection));
        }
      }
    }
    return adapted;
  }

  /** Trainable parameters on a model of that shape. */
  public long parameterCount(LlamaConfig config) {
    return adaptedIn(config).stream()
        .mapToLong(place ->
            (long) rank(place.layer(), place.projection())
                * (place.projection().inFeatures(config) + place.projection().outFeatures(config)))
        .sum();
  }

  /**
   * Checks that the layers exist, that something is adapted, and not too much.
   *
   * @throws IllegalArgumentException saying what is not
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
    long parameters = parameterCount(config);
    if (parameters == 0) {
      throw new IllegalArgumentException("target_modules names none of the model's linear layers");
    }
    if (parameters > MOST_PARAMETERS) {
      throw new IllegalArgumentException(
          "an adapter of %,d parameters is too large, %,d are the most: choose a smaller r or fewer target modules"
              .formatted(parameters, MOST_PARAMETERS));
    }
  }
}
