package dev.tallrec.lora;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.DoubleNode;
import com.fasterxml.jackson.databind.node.LongNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.ValueNode;
import dev.tallrec.json.JsonFiles;
import dev.tallrec.llama.Projection;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;

/**
 * PEFT's adapter_config.json. Options that would change the mathematics and that we do not have are
 * refused by name; those set to null, false or empty are as good as absent.
 */
final class PeftConfigFile {

  static final String NAME = "adapter_config.json";

  private static final long LARGEST_FILE = 1 << 20;
  private static final String TARGETS = "target_modules";
  private static final String EXCLUDED = "exclude_modules";
  private static final String RANK_PATTERN = "rank_pattern";
  private static final String ALPHA_PATTERN = "alpha_pattern";
  private static final String ALL_LINEAR = "all-linear";

  /** Options that say nothing about what the adapter computes. */
  private static final Set<String> HARMLESS =
      Set.of(
          "auto_mapping",
          "base_model_name_or_path",
          "revision",
          "inference_mode",
          "task_type",
          "megatron_core",
          "peft_version",
          "qalora_group_size",
          "ensure_weight_tying");

  private static final Set<String> READ =
      Set.of(
          "peft_type",
          "r",
          "lora_alpha",
          "lora_dropout",
          TARGETS,
          EXCLUDED,
          "use_rslora",
          "layers_to_transform",
          "layers_pattern",
          RANK_PATTERN,
          ALPHA_PATTERN,
          "bias",
          "init_lora_weights");

  private final Path file;
  private final JsonNode root;

  private PeftConfigFile(Path file, JsonNode root) {
    this.file = file;
    this.root = root;
  }

  static LoraConfig read(Path directory) throws IOException {
    Path file = directory.resolve(NAME);
    if (!Files.isRegularFile(file)) {
      throw new IOException(
          directory
              + " has no "
              + NAME
              + ": an adapter is a directory with "
              + NAME
              + " and adapter_model.safetensors, as PEFT and this program write it");
    }
    return new PeftConfigFile(
            file, JsonFiles.readObject(file, LARGEST_FILE, "an adapter configuration"))
        .config();
  }

  private LoraConfig config() throws IOException {
    requireText("peft_type", "LORA", Set.of("LORA"));
    requireText("bias", "none", Set.of("none"));
    for (Map.Entry<String, JsonNode> option : root.properties()) {
      if (!READ.contains(option.getKey())
          && !HARMLESS.contains(option.getKey())
          && !isOff(option.getValue())) {
        throw refuse(option.getKey(), option.getValue() + " is not supported");
      }
    }
    JsonNode initial = root.path("init_lora_weights");
    if (initial.isTextual() && !initial.textValue().equals("gaussian")) {
      throw refuse(
          "init_lora_weights",
          initial
              + " may go with base weights changed at the start; merge that adapter in PEFT first");
    }
    try {
      return new LoraConfig(
          (int) number("r"),
          number("lora_alpha"),
          root.has("lora_dropout") ? number("lora_dropout") : 0,
          targets(),
          bool("use_rslora"),
          layers(),
          ranks(),
          pattern(ALPHA_PATTERN, values(ALPHA_PATTERN)));
    } catch (IllegalArgumentException e) {
      throw new IOException(file + ": " + e.getMessage(), e);
    }
  }

  private static boolean isOff(JsonNode value) {
    return value.isMissingNode()
        || value.isNull()
        || (value.isBoolean() && !value.booleanValue())
        || (value.isContainerNode() && value.isEmpty());
  }

  private TargetModules targets() throws IOException {
    TargetModules.Selection targets = allTargets();
    JsonNode node = root.path(EXCLUDED);
    return isOff(node) || (node.isTextual() && node.textValue().isEmpty())
        ? targets
        : new TargetModules.Except(targets, selection(EXCLUDED));
  }

  private TargetModules.Selection allTargets() throws IOException {
    JsonNode node = root.path(TARGETS);
    if (node.isTextual() && node.textValue().equals(ALL_LINEAR)) {
      return TargetModules.of(EnumSet.allOf(Projection.class));
    }
    if (node.isTextual() && !isOff(root.path("layers_to_transform"))) {
      throw refuse(TARGETS, "an expression, beside which PEFT has no layers_to_transform");
    }
    TargetModules.Selection selection = selection(TARGETS);
    if (selection instanceof TargetModules.Names(SortedSet<String> names)) {
      for (String name : names) {
        if (Projection.named(name.substring(name.lastIndexOf('.') + 1)).isEmpty()) {
          throw refuse(TARGETS, '"' + name + "\" is not a linear layer of a LLaMA block");
        }
      }
    }
    return selection;
  }

  private TargetModules.Selection selection(String field) throws IOException {
    JsonNode node = root.path(field);
    if (node.isTextual()) {
      return expression(field, node.textValue());
    }
    SortedSet<String> names = new TreeSet<>();
    for (JsonNode name : node) {
      names.add(name.asText());
    }
    if (!node.isArray() || names.contains("")) {
      throw refuse(field, node + "; a list of module names or an expression is supported");
    }
    return new TargetModules.Names(names);
  }

  private TargetModules.Selection expression(String field, String text) throws IOException {
    try {
      return new TargetModules.Expression(ModuleExpression.ofName(text));
    } catch (IllegalArgumentException e) {
      throw refuse(field, e);
    }
  }

  private Optional<Set<Integer>> layers() throws IOException {
    JsonNode node = root.path("layers_to_transform");
    if (isOff(node)) {
      return Optional.empty();
    }
    JsonNode pattern = root.path("layers_pattern");
    JsonNode only = pattern.isArray() && pattern.size() == 1 ? pattern.path(0) : pattern;
    if (!isOff(pattern) && !only.asText().equals("layers")) {
      throw refuse("layers_pattern", pattern + "; only \"layers\" is supported");
    }
    Set<Integer> layers = new TreeSet<>();
    Iterable<JsonNode> numbers = node.isArray() ? node : Set.of(node);
    for (JsonNode number : numbers) {
      if (!number.isIntegralNumber() || !number.canConvertToInt()) {
        throw refuse("layers_to_transform", number + " is not a layer number");
      }
      layers.add(number.intValue());
    }
    return Optional.of(layers);
  }

  private ModulePattern<Integer> ranks() throws IOException {
    Map<String, Integer> ranks = new LinkedHashMap<>();
    for (Map.Entry<String, Double> entry : values(RANK_PATTERN).entrySet()) {
      if (entry.getValue() != Math.rint(entry.getValue())) {
        throw refuse(RANK_PATTERN, entry.getValue() + " is not an integer");
      }
      ranks.put(entry.getKey(), entry.getValue().intValue());
    }
    return pattern(RANK_PATTERN, ranks);
  }

  private Map<String, Double> values(String field) throws IOException {
    JsonNode node = root.path(field);
    if (isOff(node)) {
      return Map.of();
    }
    if (!node.isObject()) {
      throw refuse(field, node + " is not an object of module names and numbers");
    }
    Map<String, Double> values = new LinkedHashMap<>();
    for (Map.Entry<String, JsonNode> entry : node.properties()) {
      if (!entry.getValue().isNumber()) {
        throw refuse(field, entry.getKey() + ": " + entry.getValue() + " is not a number");
      }
      values.put(entry.getKey(), entry.getValue().doubleValue());
    }
    return values;
  }

  private <N extends Number> ModulePattern<N> pattern(String field, Map<String, N> values)
      throws IOException {
    try {
      return new ModulePattern<>(values);
    } catch (IllegalArgumentException e) {
      throw refuse(field, e);
    }
  }

  private double number(String field) throws IOException {
    if (!root.path(field).isNumber()) {
      throw refuse(field, root.has(field) ? root.get(field) + " is not a number" : "missing");
    }
    double value = root.get(field).doubleValue();
    if (field.equals("r") && value != Math.rint(value)) {
      throw refuse(field, value + " is not an integer");
    }
    return value;
  }

  private boolean bool(String field) throws IOException {
    JsonNode node = root.path(field);
    if (!node.isBoolean() && !isOff(node)) {
      throw refuse(field, node + " is not true or false");
    }
    return node.booleanValue();
  }

  private void requireText(String field, String fallback, Set<String> supported)
      throws IOException {
    String value = root.path(field).asText(fallback);
    if (!supported.contains(value)) {
      throw refuse(
          field, "\"" + value + "\" is not supported; supported: " + String.join(", ", supported));
    }
  }

  private IOException refuse(String field, IllegalArgumentException reason) {
    return new IOException("%s: %s: %s".formatted(file, field, reason.getMessage()), reason);
  }

  private IOException refuse(String field, String why) {
    return new IOException("%s: %s: %s".formatted(file, field, why));
  }

  /** The file's content for {@code config}. */
  static byte[] write(LoraConfig config, String baseModel) throws IOException {
    JsonMapper mapper = new JsonMapper();
    ObjectNode root = mapper.createObjectNode();
    root.put("base_model_name_or_path", baseModel);
    root.put("bias", "none");
    root.put("fan_in_fan_out", false);
    root.put("inference_mode", true);
    root.put("init_lora_weights", true);
    root.putNull("layers_pattern");
    if (config.layersToTransform().isPresent()) {
      ArrayNode layers = root.putArray("layers_to_transform");
      config.layersToTransform().get().forEach(layers::add);
    } else {
      root.putNull("layers_to_transform");
    }
    root.set("lora_alpha", shortest(config.alpha()));
    ObjectNode alphas = root.putObject(ALPHA_PATTERN);
    config.alphaPattern().byExpression().forEach((key, alpha) -> alphas.set(key, shortest(alpha)));
    ObjectNode ranks = root.putObject(RANK_PATTERN);
    config.rankPattern().byExpression().forEach(ranks::put);
    root.put("lora_dropout", config.dropout());
    root.putNull("modules_to_save");
    root.put("peft_type", "LORA");
    root.put("r", config.rank());
    root.putNull("revision");
    switch (config.targets()) {
      case TargetModules.Selection targets -> putModules(root, TARGETS, targets);
      case TargetModules.Except except -> {
        putModules(root, TARGETS, except.targets());
        putModules(root, EXCLUDED, except.excluded());
      }
    }
    root.put("task_type", "CAUSAL_LM");
    root.put("use_dora", false);
    root.put("use_rslora", config.rankStabilized());
    return (mapper.writerWithDefaultPrettyPrinter().writeValueAsString(root) + "\n")
        .getBytes(StandardCharsets.UTF_8);
  }

  private static void putModules(ObjectNode root, String field, TargetModules.Selection modules) {
    switch (modules) {
      case TargetModules.Names(SortedSet<String> names) -> names.forEach(root.putArray(field)::add);
      case TargetModules.Expression(ModuleExpression expression) ->
          root.put(field, expression.text());
    }
  }

  /** Without the fraction that PEFT's own file does not have either. */
  private static ValueNode shortest(double number) {
    return number == Math.rint(number)
        ? LongNode.valueOf((long) number)
        : DoubleNode.valueOf(number);
  }
}
