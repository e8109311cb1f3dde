package dev.tallrec.json;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonFactoryBuilder;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.CharConversionException;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.GZIPInputStream;
import java.util.zip.ZipException;

/** Reading JSON files strictly. */
public final class JsonFiles {

  /** Most tokens of a tree: one takes up to a hundred bytes of memory for three of the file. */
  private static final long MOST_TOKENS = 1 << 22;

  private static final JsonMapper STRICT =
      JsonMapper.builder(factory(MOST_TOKENS))
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  private JsonFiles() {}

  /** Parsers that accept no key twice in an object, and no more than {@code mostTokens} tokens. */
  public static JsonFactory factory(long mostTokens) {
    return new JsonFactoryBuilder()
        .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
        .streamReadConstraints(StreamReadConstraints.builder().maxTokenCount(mostTokens).build())
        .build();
  }

  /**
   * Reads a file that holds one object, no key twice.
   *
   * @param largest most bytes accepted
   * @param what the file should be, for messages: "a model configuration"
   * @throws IOException naming the file, and the line where it is broken
   */
  public static ObjectNode readObject(Path file, long largest, String what) throws IOException {
    if (!Files.isRegularFile(file)) {
      throw new IOException(file + " does not exist or is not a file");
    }
    try (InputStream bytes = Files.newInputStream(file)) {
      return readObject(bytes, file.toString(), largest, what);
    }
  }

  /**
   * The same out of a stream.
   *
   * @param name for messages; gzip if it ends in ".gz"
   * @param largest most bytes accepted, unzipped
   */
  public static ObjectNode readObject(InputStream bytes, String name, long largest, String what)
      throws IOException {
    JsonNode root;
    try (InputStream plain = plain(bytes, name, largest, what)) {
      root = STRICT.readTree(plain);
    } catch (JsonProcessingException
        | CharConversionException
        | EOFException
        | ZipException broken) {
      throw new IOException(describe(name, broken), broken);
    }
    if (root instanceof ObjectNode object) {
      return object;
    }
    throw new IOException(name + ": a JSON object is expected");
  }

  /**
   * A file's bytes, unzipped if its name ends in ".gz": a small one can hold more than memory does.
   *
   * @param largest most bytes; reading on is an {@link IOException} that names the file
   * @param what the file should be, for messages
   */
  public static InputStream plain(InputStream bytes, String name, long largest, String what)
      throws IOException {
    return new LimitedStream(
        name.endsWith(".gz") ? new GZIPInputStream(bytes, 1 << 16) : bytes, name, largest, what);
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
