package dev.tallrec.llama;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.tallrec.backend.Device;
import dev.tallrec.backend.DeviceArena;
import dev.tallrec.backend.Matrix;
import dev.tallrec.backend.cpu.CpuDevice;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Against transformers' own, see resources/rope/make_frequencies.py. */
class RopeFrequenciesTest {

  private static final JsonMapper JSON = new JsonMapper();

  @TempDir Path directory;

  static List<JsonNode> cases() throws IOException {
    try (InputStream json =
        RopeFrequenciesTest.class.getResourceAsStream("/rope/frequencies.json")) {
      return StreamSupport.stream(JSON.readTree(json).spliterator(), false).toList();
    }
  }

  private LlamaConfig config(JsonNode fields) throws IOException {
    Files.write(directory.resolve("config.json"), JSON.writeValueAsBytes(fields));
    return LlamaConfigReader.read(directory);
  }

  @ParameterizedTest
  @MethodSource("cases")
  void areThoseOfTransformers(JsonNode expected) throws IOException {
    String name = expected.path("name").textValue();
    float[] frequencies = RopeFrequencies.of(config(expected.path("config")));
    JsonNode right = expected.path("inv_freq");
    assertThat(frequencies).hasSize(right.size());
    for (int i = 0; i < frequencies.length; i++) {
      float value = right.get(i).floatValue();
      assertThat(frequencies[i]).as(name + ", pair " + i).isEqualTo(value, within(4e-7f * value));
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void theTableHasTheAttentionFactorInIt(JsonNode expected) throws IOException {
    try (Device device = new CpuDevice(1);
        DeviceArena memory = device.newArena();
        Arena arena = Arena.ofShared()) {
      LlamaConfig config = config(expected.path("config"));
      float second = RopeFrequencies.of(config)[1];
      double amplitude = expected.path("attention_scaling").doubleValue();
      var table = RopeFrequencies.table(device, memory, config, 3);
      assertThat(first(device, arena, table.cos().rows(2, 1), 1))
          .isEqualTo((float) (Math.cos(2 * second) * amplitude), within(1e-6f));
      assertThat(first(device, arena, table.sin().rows(2, 1), 1))
          .isEqualTo((float) (Math.sin(2 * second) * amplitude), within(1e-6f));
    }
  }

  private static float first(Device device, Arena arena, Matrix row, int column) {
    MemorySegment values = arena.allocate(row.bytes().byteSize(), Float.BYTES);
    device.download(row.bytes(), values);
    return values.getAtIndex(ValueLayout.JAVA_FLOAT, column);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '#',
      value = {
        "{'rope_type': 'longrope', 'factor': 2} | default, dynamic, linear, llama3, yarn",
        "{'rope_type': 'linear'} | factor: missing",
        "{'rope_type': 'linear', 'factor': 2, 'beta_fast': 3} | rope field beta_fast",
        "{'rope_type': 'yarn', 'factor': -2} | factor: -2 is not above 0",
        "{'rope_type': 'yarn', 'factor': 2, 'beta_slow': 'x'} | beta_slow",
        "{'rope_type': 'yarn', 'factor': 2, 'rope_theta': 1} | rope_theta",
        "{'rope_type': 'yarn', 'factor': 2, 'original_max_position_embeddings': 0} | original_max",
        "{'rope_type': 'yarn', 'original_max_position_embeddings': 0.5} | original_max",
        "{'rope_type': 'yarn', 'factor': 2, 'original_max_position_embeddings': 1024.0} | original_max",
        "{'rope_type': 'llama3', 'factor': 2, 'low_freq_factor': 1, 'high_freq_factor': 4, 'original_max_position_embeddings': 0.5} | original_max",
        "{'rope_type': 'yarn', 'factor': 2, 'truncate': 'no'} | truncate",
        "{'rope_type': 'linear', 'factor': 1e-60} | factor",
        "{'rope_type': 'yarn', 'factor': 2, 'mscale': 1e300, 'mscale_all_dim': 1} | mscale",
        "3 | rope_parameters: 3"
      })
  void whatItLacksIsRefusedByName(String scaling, String named) throws IOException {
    ObjectNode fields = cases().getFirst().path("config").deepCopy();
    fields.set("rope_parameters", JSON.readTree(scaling.replace('\'', '"')));
    assertThatThrownBy(() -> config(fields))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("config.json")
        .hasMessageContaining(named);
  }

  @Test
  void formsOfTransformers4And5SayTheSame() throws IOException {
    for (JsonNode each : cases()) {
      ObjectNode fields = each.path("config").deepCopy();
      ObjectNode scaling = (ObjectNode) fields.remove("rope_parameters");
      fields.set("rope_theta", scaling.remove("rope_theta"));
      fields.set("rope_scaling", scaling);
      assertThat(config(fields)).isEqualTo(config(each.path("config")));
    }
  }

  @Test
  void formsOfTransformers4And5TogetherMustSayTheSame() throws IOException {
    for (JsonNode each : cases()) {
      ObjectNode fields = each.path("config").deepCopy();
      fields.set(
          "rope_scaling",
          ((ObjectNode) fields.path("rope_parameters")).deepCopy().without("rope_theta"));
      fields.set("rope_theta", fields.path("rope_parameters").path("rope_theta"));
      assertThat(config(fields)).isEqualTo(config(each.path("config")));
      fields.putNull("rope_scaling");
      assertThat(config(fields)).isEqualTo(config(each.path("config")));
      fields.putObject("rope_scaling").put("rope_type", "linear").put("factor", 3);
      assertThatThrownBy(() -> config(fields))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("rope_scaling: says other than rope_parameters");
      fields.putNull("rope_scaling");
      fields.put("rope_theta", 12345);
      assertThatThrownBy(() -> config(fields))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("rope_theta: 12345.0 in one place");
    }
  }

  /** As in the first conversion of LLaMA-7B, the paper's base, whose tokenizer begins with 1. */
  @Test
  void whatStartsASequenceIsNotAskedOfTheConfiguration() throws IOException {
    ObjectNode fields = cases().getFirst().path("config").deepCopy();
    LlamaConfig expected = config(fields);
    fields.put("bos_token_id", 0);
    assertThat(config(fields)).isEqualTo(expected);
  }
}
