package dev.tallrec.backend.profile;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tallrec.backend.DeviceArena;
import dev.tallrec.backend.FrozenLinear;
import dev.tallrec.backend.Indices;
import dev.tallrec.backend.Matrix;
import dev.tallrec.backend.cpu.CpuDevice;
import dev.tallrec.tensor.DType;
import dev.tallrec.tensor.Shape;
import dev.tallrec.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What is said of operations that the host takes the time of. */
class HostClockTest {

  private static final int ROWS = 5;
  private static final int COLUMNS = 16;
  private static final int OUTPUTS = 48;

  @Test
  void productsCountTheirWeightsAndLookupsTheRowsFound() {
    try (Arena host = Arena.ofShared();
        ProfiledDevice device = new ProfiledDevice(new CpuDevice(1));
        DeviceArena memory = device.newArena()) {
      Tensor values = Tensor.allocate(host, "w", DType.F32, Shape.of(OUTPUTS, COLUMNS));
      FrozenLinear weight = device.loadLinear(memory, List.of(values));
      Matrix x = Matrix.allocate(memory, "x", DType.F32, ROWS, COLUMNS);
      Matrix y = Matrix.allocate(memory, "y", DType.F32, ROWS, OUTPUTS);
      device.ops().embedding(Indices.allocate(memory, "ids", ROWS), weight, x);
      device.ops().linear(x, weight, y, false);
      List<ProfiledDevice.Event> events = device.takeEvents();
      assertThat(events)
          .extracting(ProfiledDevice.Event::name)
          .containsExactly("embedding", "linear");
      assertThat(events)
          .extracting(ProfiledDevice.Event::flop)
          .containsExactly(0.0, 2.0 * ROWS * COLUMNS * OUTPUTS);
      long rows = (long) Float.BYTES * ROWS * COLUMNS;
      long weights = (long) Float.BYTES * COLUMNS * OUTPUTS;
      assertThat(events)
          .extracting(ProfiledDevice.Event::bytes)
          .containsExactly(rows, rows + weights + (long) Float.BYTES * ROWS * OUTPUTS);
    }
  }
}
