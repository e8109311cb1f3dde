package dev.tallrec.tune;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import dev.tallrec.json.JsonFiles;
import dev.tallrec.json.StrictYaml;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/** Makes {@link TuneSettings} of a preset, a YAML file over it, and single values over both. */
public final class SettingsReader {

  /** Names of the presets. */
  public static final List<String> PRESETS = List.of("mini", "paper");

  private static final YAMLMapper YAML =
      StrictYaml.builder().enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES).build();

  private SettingsReader() {}

  /** The settings of a preset as they stand in its file. */
  public static ObjectNode preset(String name) throws IOException {
    try (InputStream bytes = SettingsReader.class.getResourceAsStream(name + ".yaml")) {
      if (bytes == null) {
        throw new IOException("there is no preset " + name + ": " + String.join(", ", PRESETS));
      }
      return (ObjectNode) YAML.readTree(bytes);
    }
  }

  /**
   * Reads settings.
   *
   * @param preset name of the preset to start from
   * @param file YAML with some of the settings
   * @param values by dotted name: "rec.learning_rate"; lists separated by commas
   * @throws IOException naming the file and the setting that is unknown or has no such value
   */
  public static TuneSettings read(String preset, Optional<Path> file, Map<String, String> values)
      throws IOException {
    ObjectNode settings = preset(preset);
    Map<String, String> places = new HashMap<>();
    if (file.isPresent()) {
      overlay(settings, readFile(file.get()), "", file.get() + ": ");
      places.putAll(places(file.get()));
    }
    for (Map.Entry<String, String> value : values.entrySet()) {
      set(settings, value.getKey(), value.getValue(), value.getKey());
      places.remove(value.getKey());
    }
    return convert(settings, places);
  }

  /** Reads settings that {@link #write} wrote. */
  public static TuneSettings readWhole(Path file) throws IOException {
    return convert(readFile(file), places(file));
  }

  private static ObjectNode readFile(Path file) throws IOException {
    try {
      if (YAML.readTree(file.toFile()) instanceof ObjectNode settings) {
        return settings;
      }
      throw new IOException(file + " is not a list of settings");
    } catch (JsonProcessingException e) {
      throw new IOException(JsonFiles.describe(file, e), e);
    }
  }

  /** Where a file's values stand, by dotted name: "my.yaml, line 3". */
  private static Map<String, String> places(Path file) throws IOException {
    Map<String, String> places = new HashMap<>();
    try (JsonParser parser = YAML.createParser(file.toFile())) {
      // To the end of the first document: no other is read.
      for (JsonToken token = parser.nextToken();
          token != JsonToken.END_OBJECT || !parser.getParsingContext().inRoot();
          token = parser.nextToken()) {
        if (token.isScalarValue()) {
          String name = parser.getParsingContext().pathAsPointer().toString();
          places.put(
              name.substring(1).replace('/', '.'),
              "%s, line %d".formatted(file, parser.currentTokenLocation().getLineNr()));
        }
      }
    }
    return places;
  }

  private static void overlay(ObjectNode settings, ObjectNode over, String path, String where)
      throws IOException {
    for (Map.Entry<String, JsonNode> entry : over.properties()) {
      JsonNode present = settings.get(entry.getKey());
      if (present == null) {
        throw new IOException(where + "there is no setting " + path + entry.getKey());
      }
      if (present instanceof ObjectNode group) {
        if (!(entry.getValue() instanceof ObjectNode overGroup)) {
          throw new IOException(where + path + entry.getKey() + " is a group of settings");
        }
        overlay(group, overGroup, path + entry.getKey() + ".", where);
      } else {
        settings.set(entry.getKey(), entry.getValue());
      }
    }
  }

  /**
   * Sets a value.
   *
   * @param name within {@code settings}
   * @param whole name, for messages
   */
  private static void set(ObjectNode settings, String name, String value, String whole)
      throws IOException {
    int dot = name.indexOf('.');
    String key = dot < 0 ? name : name.substring(0, dot);
    JsonNode present = settings.get(key);
    if (present == null || (dot < 0) == present.isObject()) {
      throw new IOException("there is no setting " + whole);
    }
    if (dot >= 0) {
      set((ObjectNode) present, name.substring(dot + 1), value, whole);
    } else if (present.isArray()) {
      ArrayNode list = settings.putArray(key);
      for (String item : value.isEmpty() ? new String[0] : value.split(",")) {
        list.add(item.strip());
      }
    } else {
      settings.set(key, TextNode.valueOf(value));
    }
  }

  /**
   * The settings as records.
   *
   * @param places of values that are a file's, for messages
   */
  private static TuneSettings convert(ObjectNode settings, Map<String, String> places)
      throws IOException {
    try {
      return YAML.treeToValue(settings, TuneSettings.class);
    } catch (JsonMappingException e) {
      String name =
          e.getPath().stream()
              .map(step ->
                  step.getFieldName() == null
                      ? String.valueOf(step.getIndex())
                      : step.getFieldName())
              .collect(Collectors.joining("."));
      throw new IOException(JsonFiles.describe(places.getOrDefault(name, "settings"), e), e);
    }
  }

  /**
   * The values by dotted name; of an adapter only that there is one, as it may be moved, and is
   * compared by what it holds: {@link RunInputs}.
   */
  static Map<String, String> values(TuneSettings settings) {
    Map<String, String> values = new LinkedHashMap<>();
    addValues(YAML.valueToTree(settings), "", values);
    if (settings.startsFromAdapter()) {
      values.put("adapter", "a directory");
    }
    return values;
  }

  private static void addValues(JsonNode node, String name, Map<String, String> values) {
    if (node instanceof ObjectNode group) {
      String path = name.isEmpty() ? "" : name + ".";
      group.properties().forEach(one -> addValues(one.getValue(), path + one.getKey(), values));
    } else {
      values.put(name, node.isTextual() ? node.textValue() : node.toString());
    }
  }

  /** The settings as YAML that {@link #readWhole} reads. */
  public static String write(TuneSettings settings) {
    try {
      return YAML.writeValueAsString(settings);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }
}
