package dev.tallrec.llama;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.tallrec.backend.cpu.CpuDevice;
import dev.tallrec.safetensors.SafetensorsFile;
import dev.tallrec.testing.Fixtures;
import dev.tallrec.testing.LoadedModel;
import dev.tallrec.text.Tokenizer;
import dev.tallrec.train.AdamW;
import dev.tallrec.train.AdamWSettings;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

/**
 * A real, if small, model tells the story it is known to tell, and learns as it does in PyTorch.
 */
class Stories260KTest {

  private static final double LEARNING_RATE = 1e-2;
  private static final Path MODEL = Fixtures.path("models/stories260K");

  private static LoadedModel load() throws IOException {
    return new LoadedModel(new CpuDevice(2), MODEL, MODEL.resolve("adapter"));
  }

  @Test
  void tellsItsStory() throws IOException {
    JsonNode golden = new JsonMapper().readTree(MODEL.resolve("golden.json").toFile());
    Tokenizer tokenizer = Tokenizer.read(MODEL);
    try (LoadedModel model = load();
        SafetensorsFile file = SafetensorsFile.open(MODEL.resolve("golden.safetensors"));
        TextGenerator generator = new TextGenerator(model.network, Adapter.NONE, 200)) {
      int[] ids =
          Arrays.stream(file.tensor("greedy_ids").toLongs()).mapToInt(Math::toIntExact).toArray();
      String text = golden.path("greedy_text").asText();
      int[] story = generator.greedy(new int[] {tokenizer.bos()}, ids.length, _ -> false);
      assertThat(story).isEqualTo(ids);
      assertThat(tokenizer.decode(story)).startsWith("Once upon a time").isEqualTo(text);
    }
  }

  @Test
  void learnsOneTextByHeartAsPyTorchDoes() throws IOException {
    JsonNode golden = new JsonMapper().readTree(MODEL.resolve("golden.json").toFile());
    try (LoadedModel model = load();
        SafetensorsFile file = SafetensorsFile.open(MODEL.resolve("golden.safetensors"));
        Workspace workspace = model.workspace(WorkspacePlan.forTraining(model.config, 64, 1, 5));
        AdamW optimizer = new AdamW(model.device, model.parameters, AdamWSettings.withDecay(0))) {
      int[] ids =
          Arrays.stream(file.tensor("input_ids").toLongs()).mapToInt(Math::toIntExact).toArray();
      boolean[] isLabel = new boolean[ids.length];
      Arrays.fill(isLabel, 1, ids.length, true);
      TokenBatch batch = new TokenBatch(64, 1);
      batch.addExample(ids, isLabel, 0, ids.length, TokenBatch.NO_PREFIX, 1);
      double labels = batch.labelWeight();
      for (JsonNode expected : golden.path("adamw_losses")) {
        double loss =
            model.network.lossAndGradients(workspace, batch, (float) (1 / labels), 0, 0) / labels;
        assertThat(loss).isCloseTo(expected.asDouble(), within(1e-3 * expected.asDouble()));
        optimizer.step(LEARNING_RATE, 0, 1);
      }
    }
  }
}
