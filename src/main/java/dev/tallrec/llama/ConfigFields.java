package dev.tallrec.llama;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Path;

/**
 * Fields of an object in config.json. One that is null is not there.
 *
 * @param file for messages
 * @param object whose fields they are
 */
record ConfigFields(Path file, JsonNode object) {

  boolean has(String field) {
    return object.hasNonNull(field);
  }

  JsonNode get(String field) {
    return object.get(field);
  }

  /** The fields of the object {@code field}; none if it is not there. */
  ConfigFields in(String field) throws IOException {
    JsonNode inner = object.path(field);
    if (has(field) && !inner.isObject()) {
      throw refuse(field, inner + " is not an object");
    }
    return new ConfigFields(file, inner);
  }

  String text(String field, String fallback) throws IOException {
    if (!has(field)) {
      return fallback;
    }
    if (!get(field).isTextual()) {
      throw refuse(field, get(field) + " is not a string");
    }
    return get(field).textValue();
  }

  boolean bool(String field, boolean fallback) throws IOException {
    if (!has(field)) {
      return fallback;
    }
    if (!get(field).isBoolean()) {
      throw refuse(field, get(field) + " is not true or false");
    }
    return get(field).booleanValue();
  }

  int integer(String field) throws IOException {
    if (!has(field)) {
      throw refuse(field, "missing");
    }
    return integer(field, get(field));
  }

  int integer(String field, int fallback) throws IOException {
    return has(field) ? integer(field) : fallback;
  }

  /** {@code node}, one of {@code field}'s. */
  int integer(String field, JsonNode node) throws IOException {
    if (!node.isIntegralNumber() || !node.canConvertToInt()) {
      throw refuse(field, node + " is not an integer");
    }
    return node.intValue();
  }

  int positiveInteger(String field) throws IOException {
    int value = integer(field);
    if (value < 1) {
      throw refuse(field, value + " is not an integer above 0");
    }
    return value;
  }

  double number(String field, double fallback) throws IOException {
    if (!has(field)) {
      return fallback;
    }
    if (!get(field).isNumber()) {
      throw refuse(field, get(field) + " is not a number");
    }
    return get(field).doubleValue();
  }

  /** A number above 0 that fp32 has. */
  float positive(String field) throws IOException {
    float value = (float) number(field, Double.NaN);
    if (!isPositive(value)) {
      throw refuse(
          field, has(field) ? get(field) + " is not above 0 and a finite number" : "missing");
    }
    return value;
  }

  float positive(String field, float fallback) throws IOException {
    return has(field) ? positive(field) : fallback;
  }

  static boolean isPositive(float value) {
    return value > 0 && Float.isFinite(value);
  }

  void require(String field, String expected) throws IOException {
    String value = text(field, expected);
    if (!value.equals(expected)) {
      throw refuse(field, "\"" + value + "\"; only \"" + expected + "\" is supported");
    }
  }

  void requireFalse(String field, String reason) throws IOException {
    if (bool(field, false)) {
      throw refuse(field, "true is not supported: " + reason);
    }
  }

  IOException refuse(String field, String why) {
    return new IOException("%s: %s: %s".formatted(file, field, why));
  }
}
