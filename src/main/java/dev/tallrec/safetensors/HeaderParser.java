package dev.tallrec.safetensors;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonFactoryBuilder;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.exc.StreamConstraintsException;
import dev.tallrec.tensor.DType;
import dev.tallrec.tensor.Shape;
import java.io.IOException;
import java.io.StringReader;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Parses a header and enforces the format's rules on it. */
final class HeaderParser {

  /**
   * Most tokens of a header. A tensor of two dimensions takes 14 of them and the largest files of
   * mixtures of experts have some 100,000 tensors; but of bytes 100 MB are allowed, enough for
   * empty tensors that fill the memory.
   */
  private static final long MOST_TOKENS = 1 << 21;

  private static final JsonFactory JSON =
      new JsonFactoryBuilder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .streamReadConstraints(
              StreamReadConstraints.builder()
                  .maxNestingDepth(8)
                  .maxNumberLength(20)
                  .maxTokenCount(MOST_TOKENS)
                  .build())
          .build();

  private final Path file;
  private final List<TensorInfo> tensors = new ArrayList<>();
  private final Map<String, String> metadata = new LinkedHashMap<>();

  private HeaderParser(Path file) {
    this.file = file;
  }

  record Header(List<TensorInfo> tensors, Map<String, String> metadata) {}

  /**
   * Parses {@code bytes}, the header proper.
   *
   * @param dataBytes bytes of the file after the header
   */
  static Header parse(Path file, byte[] bytes, long dataBytes) throws SafetensorsException {
    HeaderParser parser = new HeaderParser(file);
    String text;
    try {
      text =
          StandardCharsets.UTF_8
              .newDecoder()
              .onMalformedInput(CodingErrorAction.REPORT)
              .decode(ByteBuffer.wrap(bytes))
              .toString();
    } catch (CharacterCodingException e) {
      throw new SafetensorsException(file + ": the header is not UTF-8", e);
    }
    if (!text.startsWith("{")) {
      throw new SafetensorsException(file + ": the header does not start with '{'");
    }
    try (JsonParser json = JSON.createParser(new StringReader(text))) {
      parser.readHeader(json);
    } catch (SafetensorsException e) {
      throw e;
    } catch (StreamConstraintsException e) {
      throw new SafetensorsException(
          "%s: the header is larger or more complicated than that of any model: %s"
              .formatted(file, e.getOriginalMessage()),
          e);
    } catch (JsonProcessingException e) {
      throw new SafetensorsException(
          "%s: the header is not valid JSON: %s (character %d)"
              .formatted(file, e.getOriginalMessage(), e.getLocation().getCharOffset()),
          e);
    } catch (IOException e) {
      throw new SafetensorsException(file + ": the header cannot be read: " + e.getMessage(), e);
    }
    parser.checkLayout(dataBytes);
    return new Header(List.copyOf(parser.tensors), Map.copyOf(parser.metadata));
  }

  private void readHeader(JsonParser json) throws IOException {
    json.nextToken();
    while (json.nextToken() == JsonToken.FIELD_NAME) {
      String name = json.currentName();
      if (name.equals("__metadata__")) {
        readMetadata(json);
      } else {
        readTensor(json, name);
      }
    }
    if (json.nextToken() != null) {
      throw new SafetensorsException(file + ": the header goes on after its closing brace");
    }
  }

  private void readMetadata(JsonParser json) throws IOException {
    expect(json, JsonToken.START_OBJECT, "__metadata__ is not an object");
    while (json.nextToken() == JsonToken.FIELD_NAME) {
      String key = json.currentName();
      expect(json, JsonToken.VALUE_STRING, "__metadata__." + key + " is not a string");
      metadata.put(key, json.getText());
    }
  }

  private void readTensor(JsonParser json, String name) throws IOException {
    expect(json, JsonToken.START_OBJECT, "tensor " + name + " is not an object");
    String dtype = null;
    List<Long> shape = null;
    List<Long> offsets = null;
    while (json.nextToken() == JsonToken.FIELD_NAME) {
      String field = json.currentName();
      switch (field) {
        case "dtype" -> {
          expect(json, JsonToken.VALUE_STRING, "tensor " + name + ": dtype is not a string");
          dtype = json.getText();
        }
        case "shape" -> shape = readNumbers(json, name, field);
        case "data_offsets" -> offsets = readNumbers(json, name, field);
        default ->
            throw new SafetensorsException(file + ": tensor " + name + ": unknown field " + field);
      }
    }
    if (dtype == null || shape == null || offsets == null || offsets.size() != 2) {
      throw new SafetensorsException(
          file + ": tensor " + name + " needs dtype, shape and two data_offsets");
    }
    try {
      tensors.add(new TensorInfo(name, dtype, new Shape(shape), offsets.get(0), offsets.get(1)));
    } catch (IllegalArgumentException e) {
      throw new SafetensorsException(file + ": tensor " + name + ": " + e.getMessage(), e);
    }
  }

  private List<Long> readNumbers(JsonParser json, String name, String field) throws IOException {
    expect(json, JsonToken.START_ARRAY, "tensor " + name + ": " + field + " is not an array");
    List<Long> numbers = new ArrayList<>();
    while (json.nextToken() != JsonToken.END_ARRAY) {
      if (json.currentToken() != JsonToken.VALUE_NUMBER_INT
          || json.getNumberType() == JsonParser.NumberType.BIG_INTEGER
          || json.getLongValue() < 0) {
        throw new SafetensorsException(
            "%s: tensor %s: %s holds %s, not a size".formatted(file, name, field, json.getText()));
      }
      numbers.add(json.getLongValue());
      if (numbers.size() > 64) {
        throw new SafetensorsException(file + ": tensor " + name + ": " + field + " is too long");
      }
    }
    return numbers;
  }

  private void expect(JsonParser json, JsonToken token, String complaint) throws IOException {
    if (json.nextToken() != token) {
      throw new SafetensorsException(file + ": " + complaint);
    }
  }

  /** Tensors must fill the data, one after the other, without hole, overlap or rest. */
  private void checkLayout(long dataBytes) throws SafetensorsException {
    tensors.sort(Comparator.comparingLong(TensorInfo::begin).thenComparingLong(TensorInfo::end));
    long expected = 0;
    for (TensorInfo tensor : tensors) {
      if (tensor.end() < tensor.begin()) {
        throw new SafetensorsException(
            "%s: tensor %s ends at %d before it begins at %d"
                .formatted(file, tensor.name(), tensor.end(), tensor.begin()));
      }
      if (tensor.begin() != expected) {
        throw new SafetensorsException(
            "%s: tensor %s begins at byte %d of the data where %d was expected: %s"
                .formatted(
                    file,
                    tensor.name(),
                    tensor.begin(),
                    expected,
                    tensor.begin() < expected ? "tensors overlap" : "there is a hole"));
      }
      checkSize(tensor);
      expected = tensor.end();
    }
    if (expected > dataBytes) {
      throw new SafetensorsException(
          "%s is truncated: its header promises %d bytes of data, %d are there; fetch the file again"
              .formatted(file, expected, dataBytes));
    }
    if (expected < dataBytes) {
      throw new SafetensorsException(
          "%s has %d bytes after its last tensor; fetch the file again"
              .formatted(file, dataBytes - expected));
    }
  }

  private void checkSize(TensorInfo tensor) throws SafetensorsException {
    DType dtype = DType.named(tensor.dtype()).orElse(null);
    if (dtype == null) {
      return;
    }
    long bytes;
    try {
      bytes = Math.multiplyExact(tensor.shape().elementCount(), dtype.byteSize());
    } catch (ArithmeticException e) {
      throw new SafetensorsException(
          "%s: tensor %s: shape %s overflows".formatted(file, tensor.name(), tensor.shape()), e);
    }
    if (bytes != tensor.byteSize()) {
      throw new SafetensorsException(
          "%s: tensor %s: %s %s needs %d bytes, data_offsets give %d"
              .formatted(file, tensor.name(), dtype, tensor.shape(), bytes, tensor.byteSize()));
    }
  }
}
