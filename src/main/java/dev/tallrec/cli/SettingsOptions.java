package dev.tallrec.cli;

import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import dev.tallrec.tune.SettingsReader;
import dev.tallrec.tune.TuneSettings;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.reflect.RecordComponent;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.StreamSupport;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.ISetter;
import picocli.CommandLine.Model.OptionSpec;

/** A flag for every setting of {@link TuneSettings}: "rec.learning_rate" is --rec-learning-rate. */
final class SettingsOptions {

  private final Map<String, String> values = new LinkedHashMap<>();

  /** Adds the flags to a command. */
  void addTo(CommandSpec command) {
    try {
      Map<String, JsonNode> presets = new LinkedHashMap<>();
      for (String preset : SettingsReader.PRESETS) {
        presets.put(preset, SettingsReader.preset(preset));
      }
      add(command, TuneSettings.class, "", presets);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** What was given on the command line, by the setting's dotted name. */
  Map<String, String> values() {
    return values;
  }

  private void add(
      CommandSpec command, Class<?> group, String prefix, Map<String, JsonNode> presets) {
    for (RecordComponent component : group.getRecordComponents()) {
      String name =
          prefix
              + PropertyNamingStrategies.SnakeCaseStrategy.INSTANCE.translate(component.getName());
      if (component.getType().isRecord()) {
        add(command, component.getType(), name + ".", presets);
      } else {
        command.addOption(option(component, name, presets));
      }
    }
  }

  private OptionSpec option(RecordComponent component, String name, Map<String, JsonNode> presets) {
    String description =
        component.getAccessor().getAnnotation(JsonPropertyDescription.class).value();
    String defaults =
        presets.entrySet().stream()
            .map(preset -> preset.getKey() + ": " + value(preset.getValue(), name))
            .collect(Collectors.joining(", "));
    boolean flag = component.getType() == boolean.class;
    return OptionSpec.builder("--" + name.replace('.', '-').replace('_', '-'))
        .paramLabel(flag ? "BOOL" : label(component))
        .type(String.class)
        .arity(flag ? "0..1" : "1")
        .fallbackValue(flag ? "true" : "")
        .description(capitalized(description) + " (" + defaults + ").")
        .setter(
            new ISetter() {
              @Override
              public <T> T set(T value) {
                if (value == null) {
                  values.remove(name);
                } else {
                  values.put(name, value.toString());
                }
                return value;
              }
            })
        .build();
  }

  private static String label(RecordComponent component) {
    Class<?> type = component.getType();
    if (type == List.class) {
      return "A,B";
    }
    return type == int.class || type == long.class || type == double.class ? "N" : "X";
  }

  private static String capitalized(String text) {
    return Character.toUpperCase(text.charAt(0)) + text.substring(1);
  }

  private static String value(JsonNode preset, String name) {
    JsonNode node = preset;
    for (String key : name.split("\\.")) {
      node = node.path(key);
    }
    return node.isArray()
        ? node.isEmpty()
            ? "none"
            : StreamSupport.stream(node.spliterator(), false)
                .map(JsonNode::asText)
                .collect(Collectors.joining(","))
        : node.asText();
  }
}
