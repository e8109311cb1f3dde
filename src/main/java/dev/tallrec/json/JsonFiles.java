package dev.tallrec.json;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.EOFException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.ZipException;

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

  /** What is wrong with {@code file}, zipped or not, and in which line if that is known. */
  public static String describe(Object file, IOException e) {
    return switch (e) {
      case JsonProcessingException json
          when json.getLocation() != null && json.getLocation().getLineNr() > 0 ->
          "%s, line %d: %s".formatted(file, json.getLocation().getLineNr(), JsonProblem.of(json));
      case JsonProcessingException json -> file + ": " + JsonProblem.of(json);
      case EOFException cut -> file + " is cut off: its gzip data end too early";
      case ZipException damaged -> file + " is not a gzip file, or a damaged one";
      default -> file + ": " + e.getMessage();
    };
  }
}
