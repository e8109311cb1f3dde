package dev.tallrec.llama;

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
}
