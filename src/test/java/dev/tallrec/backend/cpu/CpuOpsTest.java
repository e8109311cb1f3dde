package dev.tallrec.backend.cpu;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tallrec.backend.Device;
import dev.tallrec.backend.DeviceArena;
import dev.tallrec.backend.DeviceMemoryException;
import dev.tallrec.backend.Matrix;
import dev.tallrec.tensor.DType;
import dev.tallrec.testing.OpsContract;
import org.junit.jupiter.api.Test;

class CpuOpsTest extends OpsContract {

  @Override
  protected Device newDevice() {
    return new CpuDevice(2);
  }

  @Test
  void refusesShapesThatDoNotMatch() {
    try (CpuDevice device = new CpuDevice(1);
        DeviceArena arena = device.newArena()) {
      Matrix x = Matrix.allocate(arena, "x", DType.F32, 3, 4);
      Matrix y = Matrix.allocate(arena, "y", DType.F32, 4, 3);
      Matrix half = Matrix.allocate(arena, "half", DType.F16, 3, 4);
      assertThatThrownBy(() -> device.ops().add(x, y))
          .hasMessageContaining("4 x 3, not F32, 3 x 4");
      assertThatThrownBy(() -> device.ops().add(half, x)).hasMessageContaining("F16");
    }
  }

  @Test
  void saysWhatDoesNotFit() {
    try (CpuDevice device = new CpuDevice(1);
        DeviceArena arena = device.newArena()) {
      assertThatThrownBy(() -> arena.allocate(1L << 50, "activations"))
          .isInstanceOf(DeviceMemoryException.class)
          .hasMessageContaining("activations");
    }
  }
}
