package dev.tallrec.model;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tallrec.backend.cpu.CpuDevice;
import dev.tallrec.testing.Fixtures;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BaseModelTest {

  /** Early copies of LLaMA-7B have an eos_token_id in config.json that their tokenizer has not. */
  @Test
  void aTextEndsWithTheTokenizersEndTokenAndTheConfigurations(@TempDir Path directory)
      throws IOException {
    Path model = Fixtures.path("models/stories260K");
    for (String name : new String[] {"model.safetensors", "tokenizer.json", "tokenizer.model"}) {
      Files.copy(model.resolve(name), directory.resolve(name));
    }
    String config = Files.readString(model.resolve("config.json"));
    Files.writeString(
        directory.resolve("config.json"),
        config.replace("\"eos_token_id\": 2", "\"eos_token_id\": 7"));
    try (CpuDevice device = new CpuDevice(1);
        BaseModel base = BaseModel.open(device, directory)) {
      assertThat(base.tokenizer().eos()).isEqualTo(2);
      assertThat(base.endsText(2)).isTrue();
      assertThat(base.endsText(7)).isTrue();
      assertThat(base.endsText(1)).isFalse();
    }
  }
}
