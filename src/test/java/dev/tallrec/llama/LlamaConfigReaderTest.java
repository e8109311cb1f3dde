package dev.tallrec.llama;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.tallrec.tensor.DType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a model's config.json says, and what it may not say. */
class LlamaConfigReaderTest {

  private static final JsonMapper JSON = new JsonMapper();

  @TempDir private Path directory;

  private LlamaConfig read(String fields) throws IOException {
    ObjectNode all =
        (ObjectNode)
            JSON.readTree(
                """
                {"model_type": "llama", "vocab_size": 32000, "hidden_size": 4096,
                 "intermediate_size": 11008, "num_hidden_layers": 32, "num_attention_heads": 32}
                """);
    ObjectNode given = (ObjectNode) JSON.readTree(fields.replace('\'', '"'));
    given.properties().forEach(field -> all.set(field.getKey(), field.getValue()));
    Files.write(directory.resolve("config.json"), JSON.writeValueAsBytes(all));
    return LlamaConfigReader.read(directory);
  }

  /** As transformers' LlamaConfig has it. */
  @Test
  void whatIsNotSaidIsAsInTransformers() throws IOException {
    LlamaConfig config = read("{}");
    assertThat(config.vocabSize()).isEqualTo(32000);
    assertThat(config.hiddenSize()).isEqualTo(4096);
    assertThat(config.intermediateSize()).isEqualTo(11008);
    assertThat(config.numHiddenLayers()).isEqualTo(32);
    assertThat(config.numAttentionHeads()).isEqualTo(32);
    assertThat(config.numKeyValueHeads()).isEqualTo(32);
    assertThat(config.headDim()).isEqualTo(128);
    assertThat(config.rmsNormEps()).isEqualTo(1e-6f);
    assertThat(config.ropeTheta()).isEqualTo(10000);
    assertThat(config.ropeScaling()).isEqualTo(new RopeScaling.None());
    assertThat(config.maxPositionEmbeddings()).isEqualTo(2048);
    assertThat(config.tieWordEmbeddings()).isFalse();
    assertThat(config.eosTokenIds()).isEmpty();
    // Its authors' count of LLaMA-7B's parameters.
    assertThat(config.parameterCount()).isEqualTo(6_738_415_616L);
  }

  @Test
  void whatIsSaidIsRead() throws IOException {
    LlamaConfig config =
        read(
            "{'num_key_value_heads': 8, 'head_dim': 64, 'rms_norm_eps': 1e-5, 'rope_theta': 500000,"
                + " 'max_position_embeddings': 131072, 'tie_word_embeddings': true,"
                + " 'torch_dtype': 'bfloat16', 'eos_token_id': [128001, 128009],"
                + " 'attention_bias': false, 'mlp_bias': false, 'hidden_act': 'silu',"
                + " 'num_attention_heads': 48}");
    assertThat(config.numKeyValueHeads()).isEqualTo(8);
    // 4096 is no multiple of 48: the heads have a width of their own.
    assertThat(config.headDim()).isEqualTo(64);
    assertThat(config.rmsNormEps()).isEqualTo(1e-5f);
    assertThat(config.ropeTheta()).isEqualTo(500000);
    assertThat(config.maxPositionEmbeddings()).isEqualTo(131072);
    assertThat(config.tieWordEmbeddings()).isTrue();
    assertThat(config.eosTokenIds()).containsExactly(128001, 128009);
    assertThat(config.dtype()).isEqualTo(DType.BF16);
    assertThat(read("{'dtype': 'float16', 'eos_token_id': 2}").dtype()).isEqualTo(DType.F16);
    assertThat(read("{'eos_token_id': 2}").eosTokenIds()).containsExactly(2);
  }

  /**
   * Fields that are null, others' own, and those of generation, which transformers 4 keeps here.
   */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "{'sliding_window': null, 'quantization_config': null}",
        "{'is_llama_config': true, 'rope_interleaved': false, 'transformers.js_config': {}}",
        "{'max_length': 4096, 'do_sample': true, 'temperature': 0.6, 'top_p': 0.9}"
      })
  void whatChangesNothingIsNoReasonToRefuse(String fields) throws IOException {
    assertThat(read(fields)).isEqualTo(read("{}"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '#',
      value = {
        "{'model_type': 'mistral'} | model_type: \"mistral\"",
        "{'hidden_act': 'gelu'} | hidden_act: \"gelu\"",
        "{'attention_bias': true} | attention_bias: true",
        "{'mlp_bias': true} | mlp_bias: true",
        "{'attention_bias': 'no'} | attention_bias: \"no\"",
        "{'sliding_window': 4096} | sliding_window",
        "{'rope_interleaved': true} | rope_interleaved: true",
        "{'rms_norm_eps': 'small'} | rms_norm_eps: \"small\" is not a number",
        "{'quantization_config': {'bits': 4}, 'attn_logit_softcapping': 30} | attn_logit_softcapping, quantization_config",
        "{'num_attention_heads': 48} | hidden_size: 4096 is not a multiple",
        "{'num_attention_heads': 0} | num_attention_heads",
        "{'num_hidden_layers': 2.5} | num_hidden_layers: 2.5",
        "{'vocab_size': null} | vocab_size: missing",
        "{'torch_dtype': 'int8'} | torch_dtype: \"int8\"",
        "{'dtype': 'int8', 'torch_dtype': 'float16'} | dtype: \"int8\"",
        "{'eos_token_id': [2, 'x']} | eos_token_id: \"x\"",
        "{'eos_token_id': 2.5} | eos_token_id: 2.5"
      })
  void whatWeDoNotHaveIsRefusedByName(String fields, String named) {
    assertThatThrownBy(() -> read(fields))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("config.json: ")
        .hasMessageContaining(named);
  }
}
