package dev.tallrec.backend.profile;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tallrec.backend.Device;
import dev.tallrec.backend.cpu.CpuDevice;
import dev.tallrec.tensor.DType;
import java.lang.reflect.Proxy;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class DeviceSpeedTest {

  @Test
  void whatIsShortIsRepeatedUntilItCanBeTimed() {
    try (ProfiledDevice device = new ProfiledDevice(new CpuDevice(1))) {
      assertThat(DeviceSpeed.product(device, 4, 8, 8, 1)).isPositive();
      List<ProfiledDevice.Event> products = device.takeEvents();
      assertThat(products).hasSizeGreaterThan(100).allMatch(event -> event.name().equals("linear"));
      long seconds = products.getLast().startNanos() - products.getFirst().startNanos();
      assertThat(seconds / 1e9).isGreaterThan(0.25);
    }
  }

  private static Device withFreeMemory(long bytes) {
    return (Device)
        Proxy.newProxyInstance(
            Device.class.getClassLoader(),
            new Class<?>[] {Device.class},
            (device, method, arguments) ->
                switch (method.getName()) {
                  case "bestProductSize" -> 8192;
                  case "computeType" -> DType.F16;
                  case "availableBytes" -> bytes;
                  default -> throw new UnsupportedOperationException(method.getName());
                });
  }

  @ParameterizedTest
  @CsvSource({"1610612736, 8192", "1610612735, 4096", "402653183, 2048", "0, 256"})
  void aProductTakesAQuarterOfTheFreeMemoryAtMost(long free, int size) {
    assertThat(DeviceSpeed.productSize(withFreeMemory(free))).isEqualTo(size);
  }
}
