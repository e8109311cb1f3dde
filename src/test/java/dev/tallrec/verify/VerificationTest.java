package dev.tallrec.verify;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tallrec.backend.cpu.CpuDevice;
import dev.tallrec.testing.Fixtures;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

class VerificationTest {

  static final List<String> GOLDEN = Fixtures.GOLDEN;

  @ParameterizedTest
  @FieldSource("GOLDEN")
  void agreesWithPyTorchAndPeft(String fixture) throws Exception {
    try (CpuDevice device = new CpuDevice(2)) {
      List<Check> checks = Verification.run(device, Fixtures.golden(fixture));
      assertThat(checks).isNotEmpty().allMatch(Check::passed);
    }
  }

  @Test
  void noiseFloorsAreReadStrictly(@TempDir Path directory) throws Exception {
    Files.createDirectory(directory.resolve("model"));
    Files.createDirectory(directory.resolve("adapter"));
    Files.copy(
        Fixtures.golden("A_mha_qv").resolve("golden.safetensors"),
        directory.resolve("golden.safetensors"));
    Files.writeString(directory.resolve("meta.json"), "{\"noise\": {}, \"noise\": {}}");
    assertThatThrownBy(() -> Fixture.open(directory).close())
        .isInstanceOf(IOException.class)
        .hasMessageContaining("meta.json")
        .hasMessageContaining("uplicate");
  }
}
