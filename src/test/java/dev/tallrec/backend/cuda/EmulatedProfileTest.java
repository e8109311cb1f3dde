package dev.tallrec.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tallrec.backend.DeviceArena;
import dev.tallrec.backend.FrozenLinear;
import dev.tallrec.backend.Matrix;
import dev.tallrec.backend.profile.ProfiledDevice;
import dev.tallrec.tensor.DType;
import dev.tallrec.tensor.Shape;
import dev.tallrec.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIf;

/** Times that a device takes itself, on the emulated one. */
@EnabledIf(
    value = "dev.tallrec.backend.cuda.EmulatedDriver#isAvailable",
    disabledReason = "the emulated device needs g++ on x86-64")
class EmulatedProfileTest {

  private static final long MEMORY = 1 << 26;
  private static final int ROWS = 5;
  private static final int COLUMNS = 64;

  /** Some operations' operands. */
  private record Operands(Matrix x, Matrix y, FrozenLinear weight) {
    static Operands of(ProfiledDevice device, DeviceArena memory, Arena host) {
      Tensor weight = Tensor.allocate(host, "w", DType.F16, Shape.of(COLUMNS, COLUMNS));
      return new Operands(
          Matrix.allocate(memory, "x", DType.F16, ROWS, COLUMNS),
          Matrix.allocate(memory, "y", DType.F16, ROWS, COLUMNS),
          device.loadLinear(memory, List.of(weight)));
    }

    void compute(ProfiledDevice device) {
      device.ops().fill(x, 1);
      device.ops().linear(x, weight, y, false);
      device.ops().add(x, y);
      device.ops().linearBackward(y, weight, x, true);
    }
  }

  @Test
  void everyLaunchHasItsTimeAndNoEventIsLeft() {
    EmulatedDriver driver = new EmulatedDriver(0, MEMORY);
    try (Arena host = Arena.ofShared();
        ProfiledDevice device = CudaDevice.profiled(driver, DType.F16);
        DeviceArena memory = device.newArena()) {
      Operands operands = Operands.of(device, memory, host);
      device.takeEvents();
      long before = System.nanoTime();
      operands.compute(device);
      List<ProfiledDevice.Event> events = device.takeEvents();
      long wall = System.nanoTime() - before;

      assertThat(events)
          .extracting(ProfiledDevice.Event::name)
          .containsExactly("fill_f16", "gemm_nt_f16", "add_f16", "gemm_nn_f16");
      assertThat(events)
          .extracting(ProfiledDevice.Event::flop)
          .containsExactly(
              0.0, 2.0 * ROWS * COLUMNS * COLUMNS, 0.0, 2.0 * ROWS * COLUMNS * COLUMNS);
      long activations = 2L * ROWS * COLUMNS;
      long product = 2 * activations + 2L * COLUMNS * COLUMNS;
      assertThat(events)
          .extracting(ProfiledDevice.Event::bytes)
          .containsExactly(activations, product, 2 * activations, product);
      assertThat(events).allMatch(event -> event.nanos() > 0 && event.startNanos() >= before);
      assertThat(events.stream().mapToLong(ProfiledDevice.Event::nanos).sum()).isLessThan(wall);
      for (int i = 1; i < events.size(); i++) {
        ProfiledDevice.Event earlier = events.get(i - 1);
        assertThat(events.get(i).startNanos())
            .isGreaterThanOrEqualTo(earlier.startNanos() + earlier.nanos());
      }
      assertThat(device.takeEvents()).isEmpty();
      assertThat(driver.liveEvents()).isPositive();
    }
    assertThat(driver.liveEvents()).isZero();
  }

  @Test
  void copiesHaveTheirBytesAndAreNoLaunches() {
    EmulatedDriver driver = new EmulatedDriver(0, MEMORY);
    try (Arena host = Arena.ofShared();
        ProfiledDevice device = CudaDevice.profiled(driver, DType.F16);
        DeviceArena memory = device.newArena()) {
      Matrix x = Matrix.allocate(memory, "x", DType.F16, ROWS, COLUMNS);
      MemorySegment values = host.allocate(2L * ROWS * COLUMNS);
      device.takeEvents();
      device.upload(values, x.buffer());
      device.ops().fill(x, 1);
      device.download(x.buffer(), values);
      List<ProfiledDevice.Event> events = device.takeEvents();
      assertThat(events)
          .extracting(ProfiledDevice.Event::name)
          .containsExactly(ProfiledDevice.COPY_TO_DEVICE, "fill_f16", ProfiledDevice.COPY_TO_HOST);
      assertThat(events)
          .extracting(ProfiledDevice.Event::isCopy)
          .containsExactly(true, false, true);
      assertThat(events).allMatch(event -> event.bytes() == 2L * ROWS * COLUMNS);
    }
  }

  @Test
  void itsBestProductIsAGpusAndItsTimesAreExplained() {
    try (ProfiledDevice device = CudaDevice.profiled(new EmulatedDriver(0, MEMORY), DType.F32)) {
      assertThat(device.bestProductSize()).isEqualTo(8192);
      assertThat(device.remarks())
          .singleElement()
          .asString()
          .contains("where the GPU runs out of work");
    }
  }

  @Test
  void eventsAreUsedAgain() {
    EmulatedDriver driver = new EmulatedDriver(0, MEMORY);
    try (Arena host = Arena.ofShared();
        ProfiledDevice device = CudaDevice.profiled(driver, DType.F16);
        DeviceArena memory = device.newArena()) {
      Operands operands = Operands.of(device, memory, host);
      device.takeEvents();
      for (int step = 0; step < 3; step++) {
        operands.compute(device);
        assertThat(device.takeEvents()).hasSize(4);
        assertThat(driver.liveEvents()).isEqualTo(8);
      }
    }
  }

  @Test
  void nothingWaitsBeforeTimesAreTaken() {
    int[] waits = {0};
    CudaDriver counting =
        new ForwardingDriver(new EmulatedDriver(0, MEMORY)) {
          @Override
          public void synchronize() {
            waits[0]++;
            super.synchronize();
          }
        };
    try (Arena host = Arena.ofShared();
        ProfiledDevice device = CudaDevice.profiled(counting, DType.F16);
        DeviceArena memory = device.newArena()) {
      Operands.of(device, memory, host).compute(device);
      assertThat(waits[0]).isZero();
      device.takeEvents();
      assertThat(waits[0]).isEqualTo(1);
    }
  }

  @Test
  void aLaunchThatFailsLeavesNoEvent() {
    EmulatedDriver driver = new EmulatedDriver(0, MEMORY);
    try (TimedDriver timed = new TimedDriver(driver)) {
      assertThatThrownBy(() -> timed.launch("nosuch", CudaDriver.Grid.of(1), 32))
          .hasMessageContaining("nosuch");
      assertThat(timed.takeEvents()).isEmpty();
    }
    assertThat(driver.liveEvents()).isZero();
  }

  @Test
  void aDriverWithAnEventLeftDoesNotClose() {
    EmulatedDriver driver = new EmulatedDriver(0, MEMORY);
    CudaDriver.TimingEvent event = driver.newEvent();
    assertThatThrownBy(driver::close).hasMessageContaining("1 events");
    event.close();
    driver.close();
  }
}
