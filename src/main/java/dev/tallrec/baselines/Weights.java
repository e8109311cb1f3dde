package dev.tallrec.baselines;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.optimizer.Optimizer;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A recommender's trained arrays. They belong to the manager they are made with. An operation's
 * result belongs to the manager of its first operand: what a step computes must begin with the
 * step's own arrays.
 *
 * <p>What is multiplied with, divided by or compared to on the way to a loss must be an array, not
 * a number: DJL gives a number's memory back at once, of which the backward pass would read
 * whatever the garbage collector has left there.
 */
final class Weights {

  private final NDManager manager;
  private final Map<String, NDArray> arrays = new LinkedHashMap<>();

  Weights(NDManager manager) {
    this.manager = manager;
  }

  /** Uniform in [-bound, bound]: PyTorch's own start for linear and recurrent layers. */
  NDArray uniform(String name, double bound, long... shape) {
    return add(
        name,
        manager.randomUniform((float) -bound, (float) bound, new Shape(shape), DataType.FLOAT32));
  }

  NDArray normal(String name, double deviation, long... shape) {
    return add(
        name, manager.randomNormal(0, (float) deviation, new Shape(shape), DataType.FLOAT32));
  }

  NDArray constant(String name, double value, long... shape) {
    return add(name, manager.full(new Shape(shape), (float) value, DataType.FLOAT32));
  }

  private NDArray add(String name, NDArray array) {
    array.setRequiresGradient(true);
    arrays.put(name, array);
    return array;
  }

  /** The trained arrays by name. */
  Map<String, NDArray> trained() {
    return Collections.unmodifiableMap(arrays);
  }

  /** An array that is not trained. */
  NDArray frozen(float[] values, long... shape) {
    return manager.create(values, new Shape(shape));
  }

  /** A number that is not trained. */
  NDArray frozen(float value) {
    return manager.create(value);
  }

  /** Takes one step along the gradients. */
  void step(Optimizer optimizer) {
    arrays.forEach((name, array) -> {
      try (NDArray gradient = array.getGradient()) {
        optimizer.update(name, array, gradient);
      }
    });
  }
}
