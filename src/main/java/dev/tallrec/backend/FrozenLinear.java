package dev.tallrec.backend;

import dev.tallrec.tensor.DType;

/**
 * The weight of a linear layer that is never trained, [outFeatures, inFeatures] in whatever layout
 * its device likes best. y = x W^T. Also read by rows, as an embedding table.
 */
public interface FrozenLinear {

  int outFeatures();

  int inFeatures();

  /** Type the weights are stored in. */
  DType storageType();

  /**
   * The layer that computes only outputs {@code first} to {@code first + count - 1}, sharing this
   * one's memory.
   *
   * @throws IndexOutOfBoundsException if there are no such outputs
   */
  FrozenLinear outputs(int first, int count);
}
