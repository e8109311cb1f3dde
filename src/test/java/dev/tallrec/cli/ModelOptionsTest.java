package dev.tallrec.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tallrec.backend.DeviceMemoryException;
import dev.tallrec.backend.cpu.CpuDevice;
import dev.tallrec.testing.FailingDevice;
import dev.tallrec.testing.Fixtures;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

class ModelOptionsTest {

  @Test
  void whereverMemoryIsShortNothingStaysOpen() throws IOException {
    Path model = Fixtures.path("models/stories260K");
    ModelOptions options =
        CommandLine.populateCommand(
            new ModelOptions(),
            "--base",
            model.toString(),
            "--adapter",
            model.resolve("adapter").toString());
    boolean opened = false;
    for (int calls = 0; !opened; calls++) {
      FailingDevice device = new FailingDevice(new CpuDevice(1));
      device.failAfter(calls);
      try {
        options.open(device).close();
        opened = true;
      } catch (DeviceMemoryException e) {
        assertThat(e).hasMessage(FailingDevice.MESSAGE);
        device.close();
      }
      assertThat(device.openArenas()).as("arenas after %d calls", calls).isZero();
      assertThat(device.holdsHostMemory()).as("host memory after %d calls", calls).isFalse();
    }
  }
}
