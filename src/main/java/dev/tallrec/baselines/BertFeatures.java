package dev.tallrec.baselines;

import ai.djl.modality.nlp.DefaultVocabulary;
import ai.djl.modality.nlp.bert.BertFullTokenizer;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.ndarray.types.SparseFormat;
import com.fasterxml.jackson.databind.JsonNode;
import dev.tallrec.files.Digest;
import dev.tallrec.json.JsonFiles;
import dev.tallrec.safetensors.SafetensorsModel;
import dev.tallrec.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * What a BERT makes of titles: the last hidden state at [CLS] (Devlin et al., "BERT: pre-training
 * of deep bidirectional transformers", 2019). Reads a Hugging Face directory: config.json,
 * vocab.txt, model.safetensors, as of bert-base-uncased.
 */
public final class BertFeatures implements AutoCloseable {

  private static final String CONFIG = "config.json";
  private static final String VOCABULARY = "vocab.txt";
  private static final String TOKENIZER_CONFIG = "tokenizer_config.json";
  private static final int MOST_TOKENS = 64;
  private static final long LARGEST_CONFIG = 1 << 20;

  private final NDManager manager;
  private final Map<String, NDArray> weights = new HashMap<>();
  private final SafetensorsModel files;
  private final Path directory;
  private final BertFullTokenizer tokenizer;
  private final int hidden;
  private final int layers;
  private final int heads;
  private final float epsilon;
  private final boolean prefixed;

  private BertFeatures(Path directory, SafetensorsModel files) throws IOException {
    this.directory = directory;
    this.files = files;
    JsonNode config = config(directory.resolve(CONFIG));
    this.hidden = positive(config, "hidden_size");
    this.layers = positive(config, "num_hidden_layers");
    this.heads = positive(config, "num_attention_heads");
    if (hidden % heads != 0) {
      throw new IOException(
          "%s: hidden_size %d is no multiple of num_attention_heads %d"
              .formatted(directory.resolve(CONFIG), hidden, heads));
    }
    this.epsilon = (float) config.path("layer_norm_eps").asDouble(1e-12);
    this.prefixed = files.names().contains("bert.embeddings.word_embeddings.weight");
    Path vocabulary = directory.resolve(VOCABULARY);
    if (!Files.isRegularFile(vocabulary)) {
      throw new IOException(vocabulary + " is missing: a BERT directory has one");
    }
    this.tokenizer =
        new BertFullTokenizer(
            DefaultVocabulary.builder()
                .addFromTextFile(vocabulary)
                .optUnknownToken("[UNK]")
                .build(),
            lowercase(directory));
    TorchEngine.require();
    this.manager = NDManager.newBaseManager("PyTorch");
  }

  /**
   * Opens a BERT.
   *
   * @throws IOException naming the file, field or tensor that is missing or wrong
   */
  public static BertFeatures open(Path directory) throws IOException {
    if (!Files.isDirectory(directory)) {
      throw new IOException(
          directory
              + " is not a directory: a BERT is one with config.json, vocab.txt and"
              + " model.safetensors");
    }
    SafetensorsModel files = SafetensorsModel.open(directory);
    try {
      return new BertFeatures(directory, files);
    } catch (IOException | RuntimeException | Error e) {
      files.close();
      throw e;
    }
  }

  /**
   * What tells a BERT from others: SHA-256 over the files that features are made of.
   *
   * @throws IOException naming the file that is missing or wrong
   */
  public static String digest(Path directory) throws IOException {
    List<Path> files = new ArrayList<>();
    try (BertFeatures model = open(directory)) {
      model.files.files().forEach(file -> files.add(file.path()));
    }
    Collections.sort(files);
    files.add(directory.resolve(CONFIG));
    files.add(directory.resolve(VOCABULARY));
    Path casing = directory.resolve(TOKENIZER_CONFIG);
    if (Files.exists(casing)) {
      files.add(casing);
    }
    Digest digest = new Digest();
    for (Path file : files) {
      digest.add(file);
    }
    return digest.hex();
  }

  private static JsonNode config(Path file) throws IOException {
    return JsonFiles.readObject(file, LARGEST_CONFIG, "a BERT's configuration");
  }

  private static boolean lowercase(Path directory) throws IOException {
    Path file = directory.resolve(TOKENIZER_CONFIG);
    return !Files.exists(file) || config(file).path("do_lower_case").asBoolean(true);
  }

  private int positive(JsonNode config, String field) throws IOException {
    JsonNode value = config.path(field);
    if (!value.isIntegralNumber() || !value.canConvertToInt() || value.intValue() < 1) {
      throw new IOException(
          "%s: %s is missing or no whole number above 0"
              .formatted(directory.resolve(CONFIG), field));
    }
    return value.intValue();
  }

  /** Features of {@code titles}, in their order; only the first 64 tokens of a title count. */
  public ItemFeatures of(List<String> titles) throws IOException {
    List<float[]> vectors = new ArrayList<>();
    for (String title : titles) {
      vectors.add(of(title));
    }
    return ItemFeatures.of(vectors);
  }

  private float[] of(String title) throws IOException {
    List<String> tokens = new ArrayList<>(tokenizer.tokenize(title));
    if (tokens.size() > MOST_TOKENS - 2) {
      tokens = new ArrayList<>(tokens.subList(0, MOST_TOKENS - 2));
    }
    tokens.addFirst("[CLS]");
    tokens.addLast("[SEP]");
    long[] ids = tokens.stream().mapToLong(tokenizer.getVocabulary()::getIndex).toArray();
    long[] positions = new long[ids.length];
    Arrays.setAll(positions, i -> i);
    try (NDManager scope = manager.newSubManager()) {
      NDArray x =
          rows(scope.create(ids), "embeddings.word_embeddings.weight")
              .add(rows(scope.create(positions), "embeddings.position_embeddings.weight"))
              .add(
                  rows(
                      scope.create(new long[ids.length]),
                      "embeddings.token_type_embeddings.weight"));
      x = norm(x, "embeddings.LayerNorm");
      for (int layer = 0; layer < layers; layer++) {
        x = block(x, "encoder.layer." + layer + ".");
      }
      return x.get(0).toFloatArray();
    }
  }

  private NDArray block(NDArray x, String name) throws IOException {
    NDArray query = heads(linear(x, name + "attention.self.query"));
    NDArray key = heads(linear(x, name + "attention.self.key"));
    NDArray value = heads(linear(x, name + "attention.self.value"));
    NDArray attention =
        query
            .matMul(key.transpose(0, 2, 1))
            .div((float) Math.sqrt((double) hidden / heads))
            .softmax(2);
    NDArray mixed = attention.matMul(value).transpose(1, 0, 2).reshape(x.getShape());
    NDArray attended =
        norm(
            linear(mixed, name + "attention.output.dense").add(x),
            name + "attention.output.LayerNorm");
    NDArray inner = linear(attended, name + "intermediate.dense").getNDArrayInternal().gelu();
    return norm(linear(inner, name + "output.dense").add(attended), name + "output.LayerNorm");
  }

  /** [tokens, hidden] as [heads, tokens, hidden / heads]. */
  private NDArray heads(NDArray x) {
    return x.reshape(x.getShape().get(0), heads, hidden / heads).transpose(1, 0, 2);
  }

  private NDArray rows(NDArray ids, String name) throws IOException {
    return ids.getNDArrayInternal()
        .embedding(ids, weight(name, 2), SparseFormat.DENSE)
        .singletonOrThrow();
  }

  private NDArray linear(NDArray x, String name) throws IOException {
    return x.matMul(weight(name + ".weight", 2).transpose()).add(weight(name + ".bias", 1));
  }

  private NDArray norm(NDArray x, String name) throws IOException {
    NDArray gain = weight(name + ".weight", 1);
    return x.getNDArrayInternal()
        .layerNorm(x, gain.getShape(), gain, weight(name + ".bias", 1), epsilon)
        .singletonOrThrow();
  }

  private NDArray weight(String name, int rank) throws IOException {
    NDArray present = weights.get(name);
    if (present != null) {
      return present;
    }
    Tensor tensor = files.tensor(prefixed ? "bert." + name : name);
    if (tensor.shape().rank() != rank) {
      throw new IOException(
          "%s: %s is of shape %s".formatted(directory, tensor.name(), tensor.shape()));
    }
    long[] shape = tensor.shape().dimensions().stream().mapToLong(Long::longValue).toArray();
    NDArray loaded = manager.create(tensor.toFloats(), new Shape(shape));
    weights.put(name, loaded);
    return loaded;
  }

  @Override
  public void close() {
    manager.close();
    files.close();
  }
}
