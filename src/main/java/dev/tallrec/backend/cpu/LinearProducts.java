package dev.tallrec.backend.cpu;

import dev.tallrec.backend.DeviceArena;
import dev.tallrec.backend.Matrix;
import dev.tallrec.tensor.Tensor;
import java.util.List;

/** Products of many rows with frozen weights, operands checked by the caller. */
interface LinearProducts {

  /**
   * Weights as these products read them.
   *
   * @param arena owner of whatever is allocated
   * @throws IllegalArgumentException if shapes or types disagree
   */
  CpuLinear load(DeviceArena arena, List<Tensor> parts);

  /** y (+)= x W^T. */
  void forward(Matrix x, CpuLinear weight, Matrix y, boolean add);

  /** dx (+)= dy W. */
  void backward(Matrix dy, CpuLinear weight, Matrix dx, boolean add);
}
