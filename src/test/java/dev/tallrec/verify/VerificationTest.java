package dev.tallrec.verify;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.tallrec.backend.cpu.CpuDevice;
import dev.tallrec.testing.Fixtures;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
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

  /** Overwrites a value of a fixture's copy with its bytes. */
  private static void set(Path fixture, String tensor, int index, byte[] value) throws IOException {
    Path file = fixture.resolve("golden.safetensors");
    byte[] bytes = Files.readAllBytes(file);
    ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    int header = Math.toIntExact(buffer.getLong(0));
    JsonNode field = new JsonMapper().readTree(bytes, 8, header).path(tensor);
    int start = 8 + header + field.path("data_offsets").get(0).asInt();
    buffer.put(start + index * value.length, value);
    Files.write(file, bytes);
  }

  private static Check greedy(Path fixture) throws IOException {
    try (CpuDevice device = new CpuDevice(1)) {
      return Verification.run(device, fixture).stream()
          .filter(check -> check.group().equals("greedy.ids"))
          .findAny()
          .orElseThrow();
    }
  }

  /** Of a group of many tensors, of which the ones after it are right. */
  @Test
  void aTensorOfNoNumbersFailsItsGroup(@TempDir Path directory) throws Exception {
    Path fixture = directory.resolve("fixture");
    Fixtures.copy(Fixtures.golden("A_mha_qv"), fixture);
    String first = "right.grad.base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight";
    byte[] notANumber = {0, 0, (byte) 0xC0, 0x7F};
    set(fixture, first, 0, notANumber);
    try (CpuDevice device = new CpuDevice(1)) {
      assertThat(Verification.run(device, fixture))
          .filteredOn(check -> check.group().equals("right.grad"))
          .singleElement()
          .matches(check -> !check.passed() && Double.isNaN(check.error()))
          .matches(check -> check.worst().contains("layers.0.self_attn.q_proj"));
    }
  }

  @Test
  void aTokenMayDifferOnlyWhereTwoWereAsLikely(@TempDir Path directory) throws Exception {
    Path fixture = directory.resolve("fixture");
    Fixtures.copy(Fixtures.golden("A_mha_qv"), fixture);
    set(fixture, "greedy.ids", 3, new byte[] {7, 0, 0, 0, 0, 0, 0, 0});
    assertThat(greedy(fixture)).matches(check -> !check.passed() && check.error() == 1);
    set(fixture, "greedy.margin", 3, new byte[4]);
    assertThat(greedy(fixture)).matches(check -> check.passed() && check.values() == 3);
    byte[] notANumber = {0, 0, (byte) 0xC0, 0x7F};
    set(fixture, "greedy.margin", 3, notANumber);
    assertThat(greedy(fixture)).matches(check -> !check.passed() && check.error() == 1);
  }

  @ParameterizedTest
  @CsvSource({"\"hidden_size\": 64,not read", "\"vocab_size\": 128,\"vocab_size\": 120"})
  void aFixtureThatCannotBeOpenedIsNotLeftMapped(
      String setting, String broken, @TempDir Path directory) throws Exception {
    Path fixture = directory.resolve("fixture");
    Fixtures.copy(Fixtures.golden("A_mha_qv"), fixture);
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
