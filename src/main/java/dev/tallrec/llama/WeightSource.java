package dev.tallrec.llama;

import dev.tallrec.tensor.Shape;
import dev.tallrec.tensor.Tensor;
import java.io.IOException;

/** Where weights come from: an open checkpoint, or random ones in tests and benchmarks. */
@FunctionalInterface
public interface WeightSource {

  /**
   * The tensor of that name.
   *
   * @throws IOException if there is none, or it is of a type no weight can have
   */
  Tensor tensor(String name) throws IOException;

  /**
   * The tensor of that name, fit to be a weight.
   *
   * @throws IOException if there is none, or it has another shape or no type that weights have
   */
  default Tensor checked(String name, Shape expected) throws IOException {
    Tensor tensor = tensor(name);
    if (!tensor.shape().equals(expected)) {
      throw new IOException(
          "%s has shape %s, config.json says %s: the weights belong to another configuration"
              .formatted(name, tensor.shape(), expected));
    }
    if (!tensor.dtype().isWeight()) {
      throw new IOException(
          "%s is %s; weights must be F32, F16 or BF16".formatted(name, tensor.dtype()));
    }
    return tensor;
  }
}
