package dev.tallrec.baselines;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.tallrec.backend.Device;
import dev.tallrec.backend.cpu.CpuDevice;
import dev.tallrec.model.BaseModel;
import dev.tallrec.model.BundledBase;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TitleFeaturesTest {

  private static final Path BERT = Path.of("test/resources/bert");

  /** The fixture is a random BERT and what transformers' BertModel says of some titles. */
  @Test
  void bertSaysOfTitlesWhatTransformersSays() throws IOException {
    JsonNode expected = new JsonMapper().readTree(BERT.resolve("expected.json").toFile());
    try (BertFeatures features = BertFeatures.open(BERT)) {
      for (JsonNode title : expected) {
        float[] values = features.of(List.of(title.path("title").asText())).values();
        assertThat(values).hasSize(title.path("cls").size());
        for (int i = 0; i < values.length; i++) {
          assertThat(values[i])
              .as("%s, channel %d", title.path("title").asText(), i)
              .isCloseTo((float) title.path("cls").path(i).asDouble(), within(2e-5f));
        }
      }
    }
  }

  @Test
  void whatABertLacksIsNamed(@TempDir Path directory) throws IOException {
    assertThatThrownBy(() -> BertFeatures.open(directory.resolve("none")))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("none is not a directory");
    Files.copy(BERT.resolve("model.safetensors"), directory.resolve("model.safetensors"));
    Files.writeString(directory.resolve("config.json"), "{\"hidden_size\": 24}");
    assertThatThrownBy(() -> BertFeatures.open(directory))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("num_hidden_layers");
    Files.copy(BERT.resolve("config.json"), directory.resolve("c.json"));
    Files.move(
        directory.resolve("c.json"),
        directory.resolve("config.json"),
        StandardCopyOption.REPLACE_EXISTING);
    assertThatThrownBy(() -> BertFeatures.open(directory))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("vocab.txt is missing");
  }

  @Test
  void llamaMakesOneVectorATitle() throws IOException {
    try (Device device = new CpuDevice(2);
        BaseModel base = BaseModel.named(device, BundledBase.NAME)) {
      ItemFeatures features =
          LlamaFeatures.of(base, List.of("Star Wars (1977)", "Alien (1979)", "Star Wars (1977)"));
      int width = features.width();
      assertThat(width).isEqualTo(base.config().hiddenSize());
      float[] first = Arrays.copyOfRange(features.values(), 0, width);
      float[] second = Arrays.copyOfRange(features.values(), width, 2 * width);
      float[] third = Arrays.copyOfRange(features.values(), 2 * width, 3 * width);
      assertThat(first).isEqualTo(third).isNotEqualTo(second);
    }
  }

  @Test
  void aBertsConfigurationIsReadStrictly(@TempDir Path directory) throws IOException {
    Files.copy(BERT.resolve("model.safetensors"), directory.resolve("model.safetensors"));
    Files.writeString(
        directory.resolve("config.json"), "{\"hidden_size\": 24, \"hidden_size\": 32}");
    assertThatThrownBy(() -> BertFeatures.open(directory))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("config.json")
        .hasMessageContaining("uplicate");
    Files.writeString(directory.resolve("config.json"), "{\"hidden_size\": 24.9}");
    assertThatThrownBy(() -> BertFeatures.open(directory))
        .hasMessageContaining("hidden_size is missing or no whole number");
  }
}
