package dev.tallrec.text;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import dev.tallrec.json.JsonFiles;
import java.io.CharConversionException;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.ZipException;
import org.jspecify.annotations.Nullable;

/** Reads a JSON array of {"instruction", "input", "output"} objects, plain or gzipped (".gz"). */
public final class InstructionFile {

  private static final long LARGEST_FILE = 1 << 29;

  /** Eight or so an example, as a rule. */
  private static final long MOST_TOKENS = 1 << 24;

  private static final JsonFactory JSON = JsonFiles.factory(MOST_TOKENS);

  private InstructionFile() {}

  /**
   * Reads all examples.
   *
   * @throws IOException naming file and line if it is not such an array, and if it is empty or,
   *     unzipped, larger than half a gigabyte
   */
  public static List<Instruction> read(Path file) throws IOException {
    if (!Files.isRegularFile(file)) {
      throw new IOException(file + " does not exist or is not a file");
    }
    try (InputStream bytes = Files.newInputStream(file)) {
      return read(bytes, file.toString());
    }
  }

  /**
   * Reads all examples from a stream.
   *
   * @param name for messages; gzip if it ends so
   */
  public static List<Instruction> read(InputStream bytes, String name) throws IOException {
    List<Instruction> examples = new ArrayList<>();
    try (InputStream plain = JsonFiles.plain(bytes, name, LARGEST_FILE, "a file of examples");
        JsonParser parser = JSON.createParser(plain)) {
      if (parser.nextToken() != JsonToken.START_ARRAY) {
        throw broken(name, parser, "not a JSON array of examples");
      }
      while (parser.nextToken() == JsonToken.START_OBJECT) {
        examples.add(example(parser, name));
      }
      if (parser.currentToken() != JsonToken.END_ARRAY) {
        throw broken(name, parser, "an example is not an object");
      }
      if (parser.nextToken() != null) {
        throw broken(name, parser, "more behind the array of examples");
      }
    } catch (JsonProcessingException | CharConversionException | EOFException | ZipException e) {
      throw new IOException(JsonFiles.describe(name, e), e);
    }
    if (examples.isEmpty()) {
      throw new IOException(name + " holds no examples");
    }
    return examples;
  }

  private static Instruction example(JsonParser parser, String name) throws IOException {
    String instruction = null;
    String input = null;
    String output = null;
    while (parser.nextToken() != JsonToken.END_OBJECT) {
      String field = parser.currentName();
      parser.nextToken();
      switch (field) {
        case "instruction" -> instruction = text(parser, name, field);
        case "input" -> input = text(parser, name, field);
        case "output" -> output = text(parser, name, field);
        default -> parser.skipChildren();
      }
    }
    return new Instruction(
        present(instruction, "instruction", parser, name),
        input == null ? "" : input,
        present(output, "output", parser, name));
  }

  private static String text(JsonParser parser, String name, String field) throws IOException {
    if (parser.currentToken() != JsonToken.VALUE_STRING) {
      throw broken(name, parser, "\"" + field + "\" is not a string");
    }
    return parser.getText();
  }

  private static String present(
      @Nullable String value, String field, JsonParser parser, String name) throws IOException {
    if (value == null) {
      throw broken(name, parser, "an example without \"" + field + "\"");
    }
    return value;
  }

  private static IOException broken(String name, JsonParser parser, String what) {
    return new IOException(
        "%s, line %d: %s".formatted(name, parser.currentLocation().getLineNr(), what));
  }
}
