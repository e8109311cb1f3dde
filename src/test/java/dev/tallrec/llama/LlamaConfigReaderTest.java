package dev.tallrec.llama;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.tallrec.testing.Fixtures;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class LlamaConfigReaderTest {

  private static final Path MODEL = Fixtures.golden("A_mha_qv").resolve("model");

  @TempDir private Path directory;

  /** The fixture's configuration with {@code fields}, members of a JSON object, set. */
  private LlamaConfig with(String fields) throws IOException {
    JsonMapper json = new JsonMapper();
    ObjectNode root = (ObjectNode) json.readTree(MODEL.resolve("config.json").toFile());
    root.setAll((ObjectNode) json.readTree("{" + fields + "}"));
    Files.writeString(directory.resolve("config.json"), root.toString());
    return LlamaConfigReader.read(directory);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "\"sliding_window\": null, \"quantization_config\": null",
        "\"is_llama_config\": true, \"rope_interleaved\": false, \"transformers.js_config\": {}",
        "\"max_length\": 4096, \"do_sample\": true, \"temperature\": 0.6, \"top_p\": 0.9"
      })
  void whatChangesNothingIsNoReasonToRefuse(String fields) throws IOException {
    assertThat(with(fields)).isEqualTo(LlamaConfigReader.read(MODEL));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "\"sliding_window\": 128                 | not supported: sliding_window",
        "\"quantization_config\": {\"bits\": 4}  | not supported: quantization_config",
        "\"rope_interleaved\": true              | rope_interleaved: true is not supported",
        "\"mlp_bias\": true                      | mlp_bias: true is not supported",
        "\"attention_bias\": \"no\"              | attention_bias: \"no\" is not true or false",
        "\"hidden_act\": \"gelu\"                | only \"silu\" is supported",
        "\"model_type\": \"mistral\"             | only \"llama\" is supported",
        "\"dtype\": \"float64\"                  | supported are float32, float16 and bfloat16",
        "\"vocab_size\": 1.5                     | vocab_size: 1.5 is not an integer",
        "\"num_hidden_layers\": null             | num_hidden_layers: missing",
        "\"eos_token_id\": [1, \"2\"]            | eos_token_id: \"2\" is not an integer",
        "\"rms_norm_eps\": \"small\"             | rms_norm_eps: \"small\" is not a number",
      })
  void whatWeLackIsRefusedByFileAndField(String fields, String named) {
    assertThatThrownBy(() -> with(fields))
        .isInstanceOf(IOException.class)
        .hasMessageContainingAll("config.json", named);
  }

  @Test
  void whatIsLeftOutIsAsTransformersHasIt() throws IOException {
    LlamaConfig config =
        with("\"num_key_value_heads\": null, \"head_dim\": null, \"rms_norm_eps\": null");
    assertThat(config.numKeyValueHeads()).isEqualTo(config.numAttentionHeads());
    assertThat(config.headDim()).isEqualTo(config.hiddenSize() / config.numAttentionHeads());
    assertThat(config.rmsNormEps()).isEqualTo(1e-6f);
  }

  @Test
  void aSequenceMayEndInSeveralWays() throws IOException {
    assertThat(with("\"eos_token_id\": [2, 5]").eosTokenIds()).containsExactly(2, 5);
    assertThat(with("\"eos_token_id\": 3").eosTokenIds()).containsExactly(3);
    assertThat(with("\"eos_token_id\": null").eosTokenIds()).isEmpty();
  }
}
