package dev.tallrec.verify;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import dev.tallrec.json.JsonFiles;
import dev.tallrec.safetensors.SafetensorsFile;
import dev.tallrec.tensor.DType;
import dev.tallrec.tensor.Shape;
import dev.tallrec.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;

/**
 * A fixture directory: model/, adapter/, golden.safetensors and, for the noise floors, meta.json,
 * as make_golden.py beside the tests' fixtures writes them. Keeps account of which values were
 * asked for.
 */
final class Fixture implements AutoCloseable {

  /**
   * A sequence of a padded batch, without its padding.
   *
   * @param ids token ids
   * @param isLabel whether a token counts in the loss
   * @param firstRow row of the first token in the batch's [B * S, ...] tensors
   */
  record Sequence(int[] ids, boolean[] isLabel, int firstRow) {}

  private static final long LARGEST_META = 1 << 20;
  private static final String INPUT_IDS = ".input_ids";
  private static final String FLOATS = "F32, F16 or BF16";

  private final Path directory;
  private final SafetensorsFile golden;
  private final JsonNode meta;
  private final SortedSet<String> unread = new TreeSet<>();

  private Fixture(Path directory, SafetensorsFile golden, JsonNode meta) {
    this.directory = directory;
    this.golden = golden;
    this.meta = meta;
    golden.tensors().forEach(tensor -> unread.add(tensor.name()));
  }

  static Fixture open(Path directory) throws IOException {
    Path file = directory.resolve("golden.safetensors");
    for (Path part : List.of(file, directory.resolve("model"), directory.resolve("adapter"))) {
      if (!Files.exists(part)) {
        throw new IOException(
            directory + " is not a fixture directory: it has no " + part.getFileName());
      }
    }
    Path metaFile = directory.resolve("meta.json");
    JsonNode meta =
        Files.exists(metaFile)
            ? JsonFiles.readObject(metaFile, LARGEST_META, "the noise floors of a fixture")
            : MissingNode.getInstance();
    return new Fixture(directory, SafetensorsFile.open(file), meta);
  }

  Path model() {
    return directory.resolve("model");
  }

  Path adapter() {
    return directory.resolve("adapter");
  }

  boolean has(String name) {
    return golden.contains(name);
  }

  /** What keeps the values from being compared, with the name of their file before it. */
  IOException problem(String what) {
    return new IOException(golden.path() + ": " + what);
  }

  private IOException unexpected(Tensor tensor, String expected) {
    return problem(
        "%s is %s %s, expected %s"
            .formatted(tensor.name(), tensor.dtype(), tensor.shape(), expected));
  }

  private Tensor tensor(String name) throws IOException {
    Tensor tensor = golden.tensor(name);
    unread.remove(name);
    return tensor;
  }

  /** Numbers of a floating-point type, in any shape. */
  Tensor floats(String name) throws IOException {
    Tensor tensor = tensor(name);
    if (!tensor.dtype().isWeight()) {
      throw unexpected(tensor, FLOATS);
    }
    return tensor;
  }

  /** Numbers of a floating-point type, in that shape. */
  Tensor floats(String name, Shape shape) throws IOException {
    Tensor tensor = floats(name);
    if (!tensor.shape().equals(shape)) {
      throw unexpected(tensor, FLOATS + " " + shape);
    }
    return tensor;
  }

  /** At least {@code least} numbers of a floating-point type, and at most {@code most}. */
  Tensor floats(String name, long least, long most) throws IOException {
    Tensor tensor = floats(name);
    long count = tensor.shape().elementCount();
    if (count < least || count > most) {
      throw unexpected(
          tensor, "%s, %s in all".formatted(FLOATS, least == most ? least : least + " to " + most));
    }
    return tensor;
  }

  /** [B, S, vocabulary]: a number for each token of batch {@code batch} that can follow. */
  Tensor logits(String name, String batch, int vocabSize) throws IOException {
    Shape ids = ids(batch).shape();
    return floats(name, Shape.of(ids.dimension(0), ids.dimension(1), vocabSize));
  }

  /** Tokens: an I64 tensor whose values must be ids below {@code vocabSize}. */
  int[] tokens(String name, int vocabSize) throws IOException {
    long[] values = longs(name);
    int[] ids = new int[values.length];
    for (int i = 0; i < ids.length; i++) {
      ids[i] = id(name, values[i], vocabSize);
    }
    return ids;
  }

  private int id(String name, long value, int vocabSize) throws IOException {
    if (value < 0 || value >= vocabSize) {
      throw problem("%s holds %d, the vocabulary has %d".formatted(name, value, vocabSize));
    }
    return (int) value;
  }

  private long[] longs(String name) throws IOException {
    Tensor tensor = tensor(name);
    if (tensor.dtype() != DType.I64) {
      throw unexpected(tensor, "I64");
    }
    return tensor.toLongs();
  }

  private long[] longs(String name, Shape shape) throws IOException {
    long[] values = longs(name);
    Tensor tensor = tensor(name);
    if (!tensor.shape().equals(shape)) {
      throw unexpected(tensor, "I64 " + shape);
    }
    return values;
  }

  /** Token ids of a batch, [B, S], neither of them 0. */
  private Tensor ids(String batch) throws IOException {
    Tensor ids = tensor(batch + INPUT_IDS);
    if (ids.shape().rank() != 2 || ids.shape().elementCount() == 0) {
      throw unexpected(ids, "I64 [sequences, tokens], neither of them 0");
    }
    return ids;
  }

  /** The names that start with {@code prefix}. */
  List<String> names(String prefix) {
    return golden.tensors().stream()
        .map(tensor -> tensor.name())
        .filter(name -> name.startsWith(prefix))
        .toList();
  }

  /** The batches "P.input_ids" of the fixture: every P. */
  List<String> batches() {
    return golden.tensors().stream()
        .map(tensor -> tensor.name())
        .filter(name -> name.endsWith(INPUT_IDS))
        .map(name -> name.substring(0, name.length() - INPUT_IDS.length()))
        .toList();
  }

  /** Batch {@code name} without padding. */
  List<Sequence> sequences(String name, int vocabSize) throws IOException {
    Shape shape = ids(name).shape();
    long[] values = longs(name + INPUT_IDS);
    long[] mask = longs(name + ".attention_mask", shape);
    long[] labels = longs(name + ".labels", shape);
    int length = (int) shape.dimension(1);
    List<Sequence> sequences = new ArrayList<>();
    for (int start = 0; start < values.length; start += length) {
      int from = start;
      int to = start + length;
      while (from < to && mask[from] == 0) {
        from++;
      }
      while (to > from && mask[to - 1] == 0) {
        to--;
      }
      if (from == to) {
        throw problem(
            "%s.attention_mask leaves sequence %d no token".formatted(name, start / length));
      }
      int[] tokens = new int[to - from];
      boolean[] isLabel = new boolean[to - from];
      for (int i = 0; i < tokens.length; i++) {
        tokens[i] = id(name + INPUT_IDS, values[from + i], vocabSize);
        isLabel[i] = i > 0 && labels[from + i] >= 0;
        if (mask[from + i] == 0 || (isLabel[i] && labels[from + i] != values[from + i])) {
          throw problem(
              "%s has padding inside a sequence, or labels that are not the next tokens"
                  .formatted(name));
        }
      }
      sequences.add(new Sequence(tokens, isLabel, from));
    }
    checkPositions(name, shape, sequences);
    return sequences;
  }

  /** We place tokens from 0 on, whatever the padding: so must the fixture. */
  private void checkPositions(String name, Shape shape, List<Sequence> sequences)
      throws IOException {
    if (!has(name + ".position_ids")) {
      return;
    }
    long[] positions = longs(name + ".position_ids", shape);
    for (Sequence sequence : sequences) {
      for (int i = 0; i < sequence.ids().length; i++) {
        if (positions[sequence.firstRow() + i] != i) {
          throw problem(
              "%s.position_ids do not count each sequence's tokens from 0".formatted(name));
        }
      }
    }
  }

  /**
   * meta.json's noise floor of a batch's values relative to their largest; NaN if it is not there.
   */
  double noise(String batch, String what, String largest) {
    JsonNode noise = meta.path("noise").path(batch);
    double floor = noise.path(what).asDouble(Double.NaN);
    return largest.isEmpty() ? floor : floor / noise.path(largest).asDouble(Double.NaN);
  }

  /** Names that nothing has asked for. */
  List<String> unread() {
    return List.copyOf(unread);
  }

  @Override
  public void close() {
    golden.close();
  }
}
