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
 * share them: a 7B model takes the host memory of one layer.
 */
public final class RandomWeights implements WeightSource, AutoCloseable {

  private final Arena arena = Arena.ofShared();
  private final LlamaConfig config;
  private final DType dtype;
  private final Map<Shape, Tensor> byShape = new HashMap<>();
  private final SplittableRandom random = new SplittableRandom(1);

  public RandomWeights(LlamaConfig config, DType dtype) {
    this.config = config;
    this.dtype = dtype;
  }

  @Override
  public Tensor tensor(String name) {
    Shape shape = config.expectedTensors().get(name);
    if (shape == null) {
      throw new IllegalArgumentException("the model has no " + name);
    }
    return byShape.computeIfAbsent(shape, this::random);
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
