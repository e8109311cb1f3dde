package dev.tallrec.llama;

import com.fasterxml.jackson.databind.JsonNode;
import dev.tallrec.json.JsonFiles;
import dev.tallrec.tensor.DType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/**
 * Reads a Hugging Face config.json, in the form of transformers 4 ({@code rope_theta}, {@code
 * rope_scaling}, {@code torch_dtype}) or 5 ({@code rope_parameters}, {@code dtype}). What we do not
 * support is refused by name: a field that is ignored is a model that is silently wrong.
 */
public final class LlamaConfigReader {

  private static final long LARGEST_FILE = 1 << 20;

  /**
   * Fields that change nothing about the mathematics of the model. What starts a sequence is the
   * tokenizer's to say: early conversions of LLaMA have a wrong bos_token_id here.
   */
  private static final Set<String> HARMLESS =
      Set.of(
          "_name_or_path",
          "architectures",
          "bos_token_id",
          "initializer_range",
          "pad_token_id",
          "pretraining_tp",
          "transformers_version",
          "use_cache",
          "max_sequence_length",
          "attention_dropout",
          "chunk_size_feed_forward",
          "return_dict",
          "output_attentions",
          "output_hidden_states",
          "id2label",
          "label2id",
          "problem_type",
          "finetuning_task",
          "is_decoder",
          "is_llama_config",
          "torchscript",
          "transformers.js_config",
          "unsloth_version",
          "unsloth_fixed",
          "_attn_implementation",
          "_attn_implementation_autoset",
          "attn_implementation",
          "auto_map",
          "use_bfloat16");

  /**
   * How others generate, which transformers 4 let stand here; our answers are one token's chances.
   */
  private static final Set<String> OF_GENERATION =
      Set.of(
          "do_sample",
          "early_stopping",
          "length_penalty",
          "max_length",
          "min_length",
          "no_repeat_ngram_size",
          "num_beam_groups",
          "num_beams",
          "num_return_sequences",
          "output_scores",
          "repetition_penalty",
          "return_dict_in_generate",
          "temperature",
          "top_k",
          "top_p",
          "typical_p");

  private static final Set<String> READ =
      Set.of(
          "model_type",
          "vocab_size",
          "hidden_size",
          "intermediate_size",
          "num_hidden_layers",
          "num_attention_heads",
          "num_key_value_heads",
          "head_dim",
          "rms_norm_eps",
          "rope_interleaved",
          "max_position_embeddings",
          "tie_word_embeddings",
          "dtype",
          "torch_dtype",
          "eos_token_id",
          "hidden_act",
          "attention_bias",
          "mlp_bias");

  private static final int DEFAULT_POSITIONS = 2048;
  private static final String NO_BIAS = "LLaMA's linear layers have no bias";

  private final ConfigFields fields;

  private LlamaConfigReader(ConfigFields fields) {
    this.fields = fields;
  }

  /**
   * Reads {@code directory/config.json}.
   *
   * @throws IOException if the file is missing, broken or describes a model that is not supported;
   *     the message names the file, the field and the remedy
   */
  public static LlamaConfig read(Path directory) throws IOException {
    Path file = directory.resolve("config.json");
    if (!Files.isRegularFile(file)) {
      throw new IOException(
          directory
              + " has no config.json: a base model is a Hugging Face directory with config.json,"
              + " the weights as safetensors and the tokenizer");
    }
    JsonNode root = JsonFiles.readObject(file, LARGEST_FILE, "a model configuration");
    return new LlamaConfigReader(new ConfigFields(file, root)).config();
  }

  private LlamaConfig config() throws IOException {
    String modelType = fields.text("model_type", "");
    if (!modelType.equals("llama")) {
      throw fields.refuse("model_type", "\"" + modelType + "\"; only \"llama\" is supported");
    }
    refuseUnknownFields();
    fields.require("hidden_act", "silu");
    fields.requireFalse("attention_bias", NO_BIAS);
    fields.requireFalse("mlp_bias", NO_BIAS);
    fields.requireFalse("rope_interleaved", "the halves of a head are turned together");
    int heads = fields.integer("num_attention_heads");
    int hidden = fields.integer("hidden_size");
    if (!fields.has("head_dim") && (heads <= 0 || hidden % heads != 0)) {
      throw fields.refuse(
          "hidden_size", hidden + " is not a multiple of num_attention_heads " + heads);
    }
    int positions = fields.integer("max_position_embeddings", DEFAULT_POSITIONS);
    RopeReader rope = new RopeReader(fields, positions);
    try {
      return new LlamaConfig(
          fields.integer("vocab_size"),
          hidden,
          fields.integer("intermediate_size"),
          fields.integer("num_hidden_layers"),
          heads,
          fields.integer("num_key_value_heads", heads),
          fields.integer("head_dim", heads == 0 ? 0 : hidden / heads),
          (float) fields.number("rms_norm_eps", 1e-6),
          rope.theta(),
          rope.scaling(),
          positions,
          fields.bool("tie_word_embeddings", false),
          dtype(),
          eosTokenIds());
    } catch (IllegalArgumentException e) {
      throw new IOException(fields.file() + ": " + e.getMessage(), e);
    }
  }

  /** What is null asks for nothing. */
  private void refuseUnknownFields() throws IOException {
    Set<String> unknown = new TreeSet<>();
    fields.object().fieldNames().forEachRemaining(unknown::add);
    unknown.removeIf(field -> !fields.has(field));
    for (Set<String> known : List.of(READ, RopeReader.READ, HARMLESS, OF_GENERATION)) {
      unknown.removeAll(known);
    }
    if (!unknown.isEmpty()) {
      throw new IOException(
          fields.file()
              + ": not supported: "
              + String.join(", ", unknown)
              + ". A field may change what the model computes, so none is ignored; remove it if it does not");
    }
  }

  private DType dtype() throws IOException {
    String field = fields.has("dtype") ? "dtype" : "torch_dtype";
    String name = fields.text(field, "float32");
    return switch (name) {
      case "float32" -> DType.F32;
      case "float16" -> DType.F16;
      case "bfloat16" -> DType.BF16;
      default ->
          throw fields.refuse(
              field, "\"" + name + "\"; supported are float32, float16 and bfloat16");
    };
  }

  private List<Integer> eosTokenIds() throws IOException {
    String field = "eos_token_id";
    if (!fields.has(field)) {
      return List.of();
    }
    if (!fields.get(field).isArray()) {
      return List.of(fields.integer(field));
    }
    List<Integer> ids = new ArrayList<>();
    for (JsonNode id : fields.get(field)) {
      ids.add(fields.integer(field, id));
    }
    return ids;
  }
}
