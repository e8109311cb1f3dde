package dev.tallrec.benchmarks;

import dev.tallrec.llama.LlamaConfig;
import dev.tallrec.llama.WeightSource;
import dev.tallrec.tensor.DType;
import dev.tallrec.tensor.Shape;
import dev.tallrec.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.HashMap;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * Weights of a model's shapes with random values, so small that activations stay finite. Layers
 * share them: a 7B model takes the host memory of one layer. Beside a peer they must not: shared
 * weights stay in the cache where the peer's do not.
 */
public final class RandomWeights implements WeightSource, AutoCloseable {

  private final Arena arena = Arena.ofShared();
  private final LlamaConfig config;
  private final DType dtype;
  private final boolean shared;
  private final Map<Object, Tensor> made = new HashMap<>();
  private final SplittableRandom random = new SplittableRandom(1);

  public RandomWeights(LlamaConfig config, DType dtype) {
    this(config, dtype, true);
  }

  private RandomWeights(LlamaConfig config, DType dtype, boolean shared) {
    this.config = config;
    this.dtype = dtype;
    this.shared = shared;
  }

  /** Weights of which every layer has its own, as in a real model. */
  public static RandomWeights ofEachLayer(LlamaConfig config, DType dtype) {
    return new RandomWeights(config, dtype, false);
  }

  @Override
  public Tensor tensor(String name) {
    Shape shape = config.expectedTensors().get(name);
    if (shape == null) {
      throw new IllegalArgumentException("the model has no " + name);
    }
    return made.computeIfAbsent(shared ? shape : name, key -> random(shape));
  }

  private Tensor random(Shape shape) {
    Tensor tensor = Tensor.allocate(arena, "random", dtype, shape);
    double bound =
        shape.rank() == 1 ? 1 : 1 / Math.sqrt((double) shape.dimension(shape.rank() - 1));
    for (long i = 0; i < shape.elementCount(); i++) {
      tensor.setFloatAt(i, (float) (shape.rank() == 1 ? 1 : (2 * random.nextDouble() - 1) * bound));
    }
    return tensor;
  }

  @Override
  public void close() {
    arena.close();
  }
}
