package dev.tallrec.llama;

import com.fasterxml.jackson.databind.JsonNode;
import dev.tallrec.json.JsonFiles;
import dev.tallrec.tensor.DType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
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
          "torchscript",
          "unsloth_version",
          "unsloth_fixed",
          "_attn_implementation_autoset",
          "auto_map",
          "use_bfloat16");

  private static final String ROPE_THETA = "rope_theta";

  /** Of transformers 4. */
  private static final String ROPE_SCALING = "rope_scaling";

  /** Of transformers 5. */
  private static final String ROPE_PARAMETERS = "rope_parameters";

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
          ROPE_THETA,
          ROPE_SCALING,
          ROPE_PARAMETERS,
          "max_position_embeddings",
          "tie_word_embeddings",
          "dtype",
          "torch_dtype",
          "eos_token_id",
          "hidden_act",
          "attention_bias",
          "mlp_bias");

  private static final int DEFAULT_POSITIONS = 2048;
  private static final double DEFAULT_THETA = 10000;
  private static final String ORIGINAL_POSITIONS = "original_max_position_embeddings";

  private static final Set<String> ROPE_FIELDS_OF_ALL = Set.of("rope_type", "type", ROPE_THETA);

  /** What may stand beside them, by rope_type. */
  private static final Map<String, Set<String>> ROPE_FIELDS =
      Map.of(
          "default",
          Set.of(),
          "linear",
          Set.of("factor"),
          "dynamic",
          Set.of("factor", ORIGINAL_POSITIONS),
          "llama3",
          Set.of("factor", "low_freq_factor", "high_freq_factor", ORIGINAL_POSITIONS),
          "yarn",
          Set.of(
              "factor",
              ORIGINAL_POSITIONS,
              "attention_factor",
              "beta_fast",
              "beta_slow",
              "mscale",
              "mscale_all_dim",
              "truncate"));

  private final Path file;
  private final JsonNode root;

  private LlamaConfigReader(Path file, JsonNode root) {
    this.file = file;
    this.root = root;
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
    return new LlamaConfigReader(
            file, JsonFiles.readObject(file, LARGEST_FILE, "a model configuration"))
        .config();
  }

  private LlamaConfig config() throws IOException {
    String modelType = text("model_type", "");
    if (!modelType.equals("llama")) {
      throw refuse("model_type", "\"" + modelType + "\"; only \"llama\" is supported");
    }
    refuseUnknownFields();
    require("hidden_act", "silu");
    requireFalse("attention_bias");
    requireFalse("mlp_bias");
    int heads = integer("num_attention_heads");
    int hidden = integer("hidden_size");
    if (!present("head_dim") && (heads <= 0 || hidden % heads != 0)) {
      throw refuse("hidden_size", hidden + " is not a multiple of num_attention_heads " + heads);
    }
    try {
      return new LlamaConfig(
          integer("vocab_size"),
          hidden,
          integer("intermediate_size"),
          integer("num_hidden_layers"),
          heads,
          integer("num_key_value_heads", heads),
          integer("head_dim", heads == 0 ? 0 : hidden / heads),
          (float) number(root, "rms_norm_eps", 1e-6),
          ropeTheta(),
          ropeScaling(),
          integer("max_position_embeddings", DEFAULT_POSITIONS),
          bool(root, "tie_word_embeddings", false),
          dtype(),
          eosTokenIds());
    } catch (IllegalArgumentException e) {
      throw new IOException(file + ": " + e.getMessage(), e);
    }
  }

  private void refuseUnknownFields() throws IOException {
    Set<String> unknown = new TreeSet<>();
    root.fieldNames().forEachRemaining(unknown::add);
    unknown.removeAll(READ);
    unknown.removeAll(HARMLESS);
    if (!unknown.isEmpty()) {
      throw new IOException(
          file
              + ": not supported: "
              + String.join(", ", unknown)
              + ". A field may change what the model computes, so none is ignored; remove it if it does not");
    }
  }

  /** Wherever it is said; the same if in several places. */
  private float ropeTheta() throws IOException {
    double theta = Double.NaN;
    for (JsonNode place : List.of(root, root.path(ROPE_PARAMETERS), root.path(ROPE_SCALING))) {
      double here = number(place, ROPE_THETA, theta);
      if (!Double.isNaN(theta) && here != theta) {
        throw refuse(ROPE_THETA, "%s in one place, %s in another".formatted(theta, here));
      }
      theta = here;
    }
    return (float) (Double.isNaN(theta) ? DEFAULT_THETA : theta);
  }

  private RopeScaling ropeScaling() throws IOException {
    if (!present(ROPE_PARAMETERS)) {
      return ropeScaling(ROPE_SCALING);
    }
    RopeScaling scaling = ropeScaling(ROPE_PARAMETERS);
    if (present(ROPE_SCALING) && !ropeScaling(ROPE_SCALING).equals(scaling)) {
      throw refuse(
          ROPE_SCALING, "says other than " + ROPE_PARAMETERS + "; remove the one that is wrong");
    }
    return scaling;
  }

  private RopeScaling ropeScaling(String place) throws IOException {
    if (!present(place)) {
      return new RopeScaling.None();
    }
    JsonNode rope = root.get(place);
    if (!rope.isObject()) {
      throw refuse(place, rope + " is not an object");
    }
    String kind = rope.path("rope_type").asText(rope.path("type").asText("default"));
    Set<String> allowed = ROPE_FIELDS.get(kind);
    if (allowed == null) {
      throw refuse(
          "rope_type",
          "\""
              + kind
              + "\"; supported are "
              + String.join(", ", new TreeSet<>(ROPE_FIELDS.keySet())));
    }
    for (String field : (Iterable<String>) rope::fieldNames) {
      if (!allowed.contains(field) && !ROPE_FIELDS_OF_ALL.contains(field)) {
        throw refuse("rope field " + field, "not known for rope_type \"" + kind + "\"");
      }
    }
    return switch (kind) {
      case "linear" -> new RopeScaling.Linear(positive(rope, "factor"));
      case "llama3" -> llama3(rope);
      case "yarn" -> yarn(rope);
      // Dynamic NTK changes frequencies beyond max_position_embeddings only, where we do not go.
      default -> new RopeScaling.None();
    };
  }

  private RopeScaling llama3(JsonNode rope) throws IOException {
    RopeScaling.Llama3 scaling =
        new RopeScaling.Llama3(
            positive(rope, "factor"),
            positive(rope, "low_freq_factor"),
            positive(rope, "high_freq_factor"),
            positiveInteger(rope, ORIGINAL_POSITIONS));
    if (scaling.highFreqFactor() <= scaling.lowFreqFactor()) {
      throw refuse("high_freq_factor", "is not above low_freq_factor");
    }
    return scaling;
  }

  /** With transformers' defaults for what is left out. */
  private RopeScaling yarn(JsonNode rope) throws IOException {
    if (!(ropeTheta() > 1)) {
      throw refuse(ROPE_THETA, ropeTheta() + "; rope_type \"yarn\" needs more than 1");
    }
    int positions = integer("max_position_embeddings", DEFAULT_POSITIONS);
    int original =
        rope.hasNonNull(ORIGINAL_POSITIONS) ? positiveInteger(rope, ORIGINAL_POSITIONS) : positions;
    float factor =
        rope.hasNonNull("factor") ? positive(rope, "factor") : (float) positions / original;
    double mscale = number(rope, "mscale", 0);
    double mscaleAllDim = number(rope, "mscale_all_dim", 0);
    double attention =
        mscale != 0 && mscaleAllDim != 0
            ? yarnAttention(factor, mscale) / yarnAttention(factor, mscaleAllDim)
            : yarnAttention(factor, 1);
    if (!isPositive((float) attention)) {
      throw refuse("mscale", "makes an attention factor of " + attention);
    }
    return new RopeScaling.Yarn(
        factor,
        rope.hasNonNull("attention_factor")
            ? positive(rope, "attention_factor")
            : (float) attention,
        rope.hasNonNull("beta_fast") ? positive(rope, "beta_fast") : 32,
        rope.hasNonNull("beta_slow") ? positive(rope, "beta_slow") : 1,
        original,
        bool(rope, "truncate", true));
  }

  /** YaRN's equation 22, times {@code mscale} as DeepSeek has it. */
  private static double yarnAttention(double factor, double mscale) {
    return factor <= 1 ? 1 : 0.1 * mscale * Math.log(factor) + 1;
  }

  private DType dtype() throws IOException {
    String field = present("dtype") ? "dtype" : "torch_dtype";
    String name = text(field, "float32");
    return switch (name) {
      case "float32" -> DType.F32;
      case "float16" -> DType.F16;
      case "bfloat16" -> DType.BF16;
      default ->
          throw refuse(field, "\"" + name + "\"; supported are float32, float16 and bfloat16");
    };
  }

  private List<Integer> eosTokenIds() throws IOException {
    if (!present("eos_token_id")) {
      return List.of();
    }
    JsonNode node = root.get("eos_token_id");
    if (!node.isArray()) {
      return List.of(integer("eos_token_id"));
    }
    List<Integer> ids = new ArrayList<>();
    for (JsonNode id : node) {
      if (!id.isIntegralNumber() || !id.canConvertToInt()) {
        throw refuse("eos_token_id", id + " is not an integer");
      }
      ids.add(id.intValue());
    }
    return ids;
  }

  private boolean present(String field) {
    return root.hasNonNull(field);
  }

  private String text(String field, String fallback) throws IOException {
    if (!present(field)) {
      return fallback;
    }
    if (!root.get(field).isTextual()) {
      throw refuse(field, root.get(field) + " is not a string");
    }
    return root.get(field).textValue();
  }

  private boolean bool(JsonNode node, String field, boolean fallback) throws IOException {
    if (!node.hasNonNull(field)) {
      return fallback;
    }
    if (!node.get(field).isBoolean()) {
      throw refuse(field, node.get(field) + " is not true or false");
    }
    return node.get(field).booleanValue();
  }

  private int integer(String field) throws IOException {
    if (!present(field)) {
      throw refuse(field, "missing");
    }
    JsonNode node = root.get(field);
    if (!node.isIntegralNumber() || !node.canConvertToInt()) {
      throw refuse(field, node + " is not an integer");
    }
    return node.intValue();
  }

  private int integer(String field, int fallback) throws IOException {
    return present(field) ? integer(field) : fallback;
  }

  private double number(JsonNode node, String field, double fallback) throws IOException {
    if (!node.hasNonNull(field)) {
      return fallback;
    }
    if (!node.get(field).isNumber()) {
      throw refuse(field, node.get(field) + " is not a number");
    }
    return node.get(field).doubleValue();
  }

  private float positive(JsonNode node, String field) throws IOException {
    float value = (float) number(node, field, Double.NaN);
    if (!isPositive(value)) {
      throw refuse(
          field, Optional.ofNullable(node.get(field)).map(JsonNode::toString).orElse("missing"));
    }
    return value;
  }

  private static boolean isPositive(float value) {
    return value > 0 && Float.isFinite(value);
  }

  private int positiveInteger(JsonNode node, String field) throws IOException {
    JsonNode value = node.path(field);
    if (!value.isIntegralNumber() || !value.canConvertToInt() || value.intValue() < 1) {
      throw refuse(field, value.isMissingNode() ? "missing" : value + " is not an integer above 0");
    }
    return value.intValue();
  }

  private void require(String field, String expected) throws IOException {
    String value = text(field, expected);
    if (!value.equals(expected)) {
      throw refuse(field, "\"" + value + "\"; only \"" + expected + "\" is supported");
    }
  }

  private void requireFalse(String field) throws IOException {
    if (bool(root, field, false)) {
      throw refuse(field, "true is not supported: LLaMA's linear layers have no bias");
    }
  }

  private IOException refuse(String field, String why) {
    return new IOException("%s: %s: %s".formatted(file, field, why));
  }
}
