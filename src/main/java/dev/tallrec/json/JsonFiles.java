package dev.tallrec.json;

import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Reading JSON files strictly. */
public final class JsonFiles {

  private static final JsonMapper STRICT =
      JsonMapper.builder().enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION).build();

  private JsonFiles() {}

  /**
   * Reads a file that holds one object, no key twice.
   *
   * @param largest most bytes accepted
   * @param what the file should be, for messages: "a model configuration"
   * @throws IOException naming the file, and the line where it is broken
   */
  public static ObjectNode readObject(Path file, long largest, String what) throws IOException {
    if (Files.size(file) > largest) {
      throw new IOException(file + " is larger than " + largest + " bytes: not " + what);
    }
    JsonNode root;
    try {
      root = STRICT.readTree(file.toFile());
    } catch (JsonProcessingException e) {
      throw new IOException(describe(file, e), e);
    }
    if (root instanceof ObjectNode object) {
      return object;
    }
    throw new IOException(file + ": a JSON object is expected");
  }

  /** What is wrong in which line of {@code file}. */
  public static String describe(Object file, JsonProcessingException e) {
    JsonLocation location = e.getLocation();
    return location == null
        ? file + ": " + e.getOriginalMessage()
        : "%s, line %d: %s".formatted(file, location.getLineNr(), e.getOriginalMessage());
  }
}
