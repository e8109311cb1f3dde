package dev.tallrec.lora;

import dev.tallrec.llama.LlamaConfig;
import dev.tallrec.llama.Projection;
import dev.tallrec.tensor.DType;
import dev.tallrec.tensor.Shape;
import dev.tallrec.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import java.util.stream.Collectors;

/** The trainable matrices of a model in host memory, F32. Owner of that memory. */
public final class LoraAdapter implements AutoCloseable {

  private final LoraConfig config;
  private final Arena arena;
  private final List<LoraPair> pairs;

  private LoraAdapter(LoraConfig config, Arena arena, List<LoraPair> pairs) {
    this.config = config;
    this.arena = arena;
    this.pairs = List.copyOf(pairs);
  }

  /** All A and B zero. */
  public static LoraAdapter zeros(LlamaConfig base, LoraConfig config) {
    config.checkFor(base);
    return zeros(Arena.ofShared(), base, config);
  }

  /**
   * The same in memory of {@code arena}. It is closed with the adapter, or at once if it has too
   * little.
   */
  static LoraAdapter zeros(Arena arena, LlamaConfig base, LoraConfig config) {
    try {
      return new LoraAdapter(config, arena, pairs(arena, base, config));
    } catch (RuntimeException | Error e) {
      arena.close();
      throw e;
    }
  }

  private static List<LoraPair> pairs(Arena arena, LlamaConfig base, LoraConfig config) {
    List<LoraPair> pairs = new ArrayList<>();
    for (AdaptedLayer place : config.adaptedIn(base)) {
      int layer = place.layer();
      Projection projection = place.projection();
      pairs.add(
          new LoraPair(
              layer,
              projection,
              zeros(
                  arena,
                  LoraPair.nameOfA(layer, projection),
                  LoraPair.shapeOfA(base, config, layer, projection)),
              zeros(
                  arena,
                  LoraPair.nameOfB(layer, projection),
                  LoraPair.shapeOfB(base, config, layer, projection))));
    }
    return pairs;
  }

  private static Tensor zeros(Arena arena, String name, Shape shape) {
    return Tensor.allocate(arena, name, DType.F32, shape);
  }

  /**
   * PEFT's initial values: A uniform in +-1 / sqrt(in) (Kaiming-uniform with a = sqrt(5)), B zero,
   * so that the adapted model starts as the base.
   */
  public static LoraAdapter initial(LlamaConfig base, LoraConfig config, long seed) {
    LoraAdapter adapter = zeros(base, config);
    RandomGenerator random = RandomGeneratorFactory.of("L64X128MixRandom").create(seed);
    for (LoraPair pair : adapter.pairs) {
      double bound = 1 / Math.sqrt((double) pair.a().shape().dimension(1));
      for (long i = 0; i < pair.a().shape().elementCount(); i++) {
        pair.a().setFloatAt(i, (float) ((2 * random.nextDouble() - 1) * bound));
      }
    }
    return adapter;
  }

  public LoraConfig config() {
    return config;
  }

  /** Projections that are adapted in some layer: "q_proj, v_proj". */
  public String projectionNames() {
    return pairs.stream()
        .map(LoraPair::projection)
        .distinct()
        .sorted()
        .map(Projection::moduleName)
        .collect(Collectors.joining(", "));
  }

  /** Pairs by layer, then projection. */
  public List<LoraPair> pairs() {
    return pairs;
  }

  /** All matrices under PEFT's names. */
  public List<Tensor> tensors() {
    List<Tensor> tensors = new ArrayList<>();
    for (LoraPair pair : pairs) {
      tensors.add(pair.a());
      tensors.add(pair.b());
    }
    return tensors;
  }

  /**
   * Takes over the values of {@code other}.
   *
   * @throws IllegalArgumentException if it adapts other places or has another rank
   */
  public void copyFrom(LoraAdapter other) {
    List<Tensor> targets = tensors();
    List<Tensor> sources = other.tensors();
    if (targets.size() != sources.size()) {
      throw new IllegalArgumentException(
          "copying " + sources.size() + " matrices to " + targets.size());
    }
    for (int i = 0; i < targets.size(); i++) {
      if (!targets.get(i).name().equals(sources.get(i).name())
          || !targets.get(i).shape().equals(sources.get(i).shape())) {
        throw new IllegalArgumentException(
            "copying " + sources.get(i).name() + " to " + targets.get(i).name());
      }
      targets.get(i).segment().copyFrom(sources.get(i).segment());
    }
  }

  @Override
  public void close() {
    arena.close();
  }
}
