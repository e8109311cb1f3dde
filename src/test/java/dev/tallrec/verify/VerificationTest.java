package dev.tallrec.verify;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tallrec.backend.cpu.CpuDevice;
import dev.tallrec.testing.Fixtures;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
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

  private static void copy(Path source, Path target) throws IOException {
    try (Stream<Path> all = Files.walk(source)) {
      for (Path file : all.toList()) {
        Files.copy(file, target.resolve(source.relativize(file).toString()));
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"\"hidden_size\": 64,not read", "\"vocab_size\": 128,\"vocab_size\": 120"})
  void aFixtureThatCannotBeOpenedIsNotLeftMapped(
      String setting, String broken, @TempDir Path directory) throws Exception {
    Path fixture = directory.resolve("fixture");
    copy(Fixtures.golden("A_mha_qv"), fixture);
    Path config = fixture.resolve("model/config.json");
    String text = Files.readString(config);
    assertThat(text).contains(setting);
    Files.writeString(config, text.replace(setting, broken));
    try (CpuDevice device = new CpuDevice(1)) {
      assertThatThrownBy(() -> Verification.run(device, fixture)).isInstanceOf(IOException.class);
    }
    assertThat(Files.readString(Path.of("/proc/self/maps"))).doesNotContain(fixture.toString());
  }
}
