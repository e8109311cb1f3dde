package dev.tallrec.verify;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.tallrec.backend.cpu.CpuDevice;
import dev.tallrec.safetensors.SafetensorsFile;
import dev.tallrec.safetensors.SafetensorsWriter;
import dev.tallrec.safetensors.TensorInfo;
import dev.tallrec.tensor.DType;
import dev.tallrec.tensor.Shape;
import dev.tallrec.tensor.Tensor;
import dev.tallrec.testing.Fixtures;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
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
    change(fixture, tensor, values -> values.put(index * value.length, value));
  }

  private static void change(Path fixture, String tensor, Consumer<ByteBuffer> change)
      throws IOException {
    Path file = fixture.resolve("golden.safetensors");
    byte[] bytes = Files.readAllBytes(file);
    ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    int header = Math.toIntExact(buffer.getLong(0));
    JsonNode offsets =
        new JsonMapper().readTree(bytes, 8, header).path(tensor).path("data_offsets");
    int from = offsets.get(0).asInt();
    change.accept(
        buffer.slice(8 + header + from, offsets.get(1).asInt() - from).order(buffer.order()));
    Files.write(file, bytes);
  }

  /** Adds a tenth of the largest value to one, the first or the last, that is no padding. */
  private static void spoil(FloatBuffer values, boolean isFirst) {
    float largest = 0;
    for (int i = 0; i < values.limit(); i++) {
      largest = Math.max(largest, Math.abs(values.get(i)));
    }
    int index = isFirst ? 0 : values.limit() - 1;
    values.put(index, values.get(index) + largest / 10);
  }

  @ParameterizedTest
  @CsvSource({
    "left.logits, left.logits, false",
    "left.base_logits, left.base_logits, false",
    "right.logits, right.logits, true",
    "right.base_logits, right.base_logits, true",
    "left.loss, left.loss, true",
    "right.loss, right.loss, true",
    "left.grad.LAYER1.self_attn.v_proj.lora_B.weight, left.grad, false",
    "right.grad.LAYER0.self_attn.q_proj.lora_A.weight, right.grad, true",
    "wd0.loss, wd0.loss, true",
    "wd0.loss, wd0.loss, false",
    "wd0.grad_norm, wd0.grad_norm, false",
    "wd0.01.loss, wd0.01.loss, false",
    "wd0.01.grad_norm, wd0.01.grad_norm, true",
    "wd0.step1.LAYER0.self_attn.q_proj.lora_A.weight, wd0.steps, true",
    "wd0.step3.LAYER1.self_attn.v_proj.lora_A.weight, wd0.steps, false",
    "wd0.01.step3.LAYER1.self_attn.q_proj.lora_A.weight, wd0.01.steps, true",
    "merged.model.layers.0.self_attn.q_proj.weight, merged, false"
  })
  void oneWrongValueFailsItsGroup(
      String tensor, String group, boolean isFirst, @TempDir Path directory) throws Exception {
    Path fixture = directory.resolve("fixture");
    Fixtures.copy(Fixtures.golden("A_mha_qv"), fixture);
    String name = tensor.replace("LAYER", "base_model.model.model.layers.");
    change(fixture, name, values -> spoil(values.asFloatBuffer(), isFirst));
    try (CpuDevice device = new CpuDevice(1)) {
      assertThat(Verification.run(device, fixture))
          .filteredOn(check -> !check.passed())
          .extracting(Check::group)
          .containsExactly(group);
    }
  }

  /** Replaces a tensor of a fixture's copy by zeros of another type or shape. */
  private static void replace(Path fixture, String name, DType dtype, Shape shape)
      throws IOException {
    Path file = fixture.resolve("golden.safetensors");
    Path changed = fixture.resolve("changed.safetensors");
    try (Arena arena = Arena.ofShared();
        SafetensorsFile golden = SafetensorsFile.open(file)) {
      List<Tensor> tensors = new ArrayList<>();
      for (TensorInfo info : golden.tensors()) {
        tensors.add(
            info.name().equals(name)
                ? Tensor.allocate(arena, name, dtype, shape)
                : golden.tensor(info.name()));
      }
      SafetensorsWriter.write(changed, golden.metadata(), tensors);
    }
    Files.move(changed, file, StandardCopyOption.REPLACE_EXISTING);
  }

  @ParameterizedTest
  @CsvSource({
    "right.input_ids, I64, 57, 'I64 [sequences, tokens]'",
    "right.input_ids, I32, 3x19, I64",
    "right.input_ids, I64, 3x0, neither of them 0",
    "right.attention_mask, I64, 3x18, 'I64 [3, 19]'",
    "left.labels, F32, 3x19, I64",
    "left.position_ids, I64, 3x18, 'I64 [3, 19]'",
    "right.logits, F32, 3x18x128, 'F32, F16 or BF16 [3, 19, 128]'",
    "right.logits, I64, 3x19x128, 'F32, F16 or BF16'",
    "left.base_logits, F32, 3x19x127, 'F32, F16 or BF16 [3, 19, 128]'",
    "left.loss, F32, 0, 'F32, F16 or BF16, 1 in all'",
    "right.grad.LAYER0.self_attn.q_proj.lora_A.weight, F64, 8x64, 'F32, F16 or BF16'",
    "right.grad.LAYER0.self_attn.q_proj.lora_A.weight, F32, 64x8, '[8, 64]'",
    "wd0.loss, F32, 2, 'F32, F16 or BF16, 3 to 4 in all'",
    "wd0.loss, F32, 5, 'F32, F16 or BF16, 3 to 4 in all'",
    "wd0.grad_norm, I64, 3, 'F32, F16 or BF16'",
    "wd0.step1.LAYER0.self_attn.q_proj.lora_A.weight, I32, 8x64, 'F32, F16 or BF16'",
    "wd0.step1.LAYER0.self_attn.q_proj.lora_A.weight, F32, 4x64, '[8, 64]'",
    "greedy.ids, F32, 12, I64",
    "greedy.margin, F32, 11, '12 in all'",
    "greedy.margin, I64, 12, 'F32, F16 or BF16'",
    "merged.model.layers.0.self_attn.q_proj.weight, F32, 64x63, '[64, 64]'"
  })
  void valuesOfAnotherShapeOrTypeAreNamed(
      String tensor, DType dtype, String dimensions, String expected, @TempDir Path directory)
      throws Exception {
    Path fixture = directory.resolve("fixture");
    Fixtures.copy(Fixtures.golden("A_mha_qv"), fixture);
    String name = tensor.replace("LAYER", "base_model.model.model.layers.");
    Shape shape =
        Shape.of(Arrays.stream(dimensions.split("x")).mapToLong(Long::parseLong).toArray());
    replace(fixture, name, dtype, shape);
    try (CpuDevice device = new CpuDevice(1)) {
      assertThatThrownBy(() -> Verification.run(device, fixture))
          .isInstanceOf(IOException.class)
          .hasMessageStartingWith(
              fixture.resolve("golden.safetensors") + ": %s is %s %s, expected ",
              name,
              dtype,
              shape)
          .hasMessageContaining(expected);
    }
  }

  @Test
  void aSequenceOfPaddingAloneIsNamed(@TempDir Path directory) throws Exception {
    Path fixture = directory.resolve("fixture");
    Fixtures.copy(Fixtures.golden("A_mha_qv"), fixture);
    replace(fixture, "right.attention_mask", DType.I64, Shape.of(3, 19));
    try (CpuDevice device = new CpuDevice(1)) {
      assertThatThrownBy(() -> Verification.run(device, fixture))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("right.attention_mask leaves sequence 0 no token");
    }
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
