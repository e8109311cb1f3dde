package dev.tallrec.model;

import dev.tallrec.backend.Device;
import dev.tallrec.llama.LlamaConfig;
import dev.tallrec.llama.LlamaConfigReader;
import dev.tallrec.llama.LlamaNetwork;
import dev.tallrec.llama.LlamaWeights;
import dev.tallrec.safetensors.SafetensorsModel;
import dev.tallrec.text.ExampleEncoder;
import dev.tallrec.text.PromptTemplate;
import dev.tallrec.text.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A base model, ready to compute. Owner of its mapped files and its weights on the device. */
public final class BaseModel implements AutoCloseable {

  private final Tokenizer tokenizer;
  private final SafetensorsModel files;
  private final LlamaWeights weights;
  private final LlamaNetwork network;

  private BaseModel(
      Tokenizer tokenizer, SafetensorsModel files, LlamaWeights weights, LlamaNetwork network) {
    this.tokenizer = tokenizer;
    this.files = files;
    this.weights = weights;
    this.network = network;
  }

  /**
   * Opens the base that comes with this program, if {@code name} is {@link BundledBase#NAME}, else
   * the directory of that name.
   *
   * @throws IOException as {@link #open(Device, Path)}
   */
  public static BaseModel named(Device device, String name) throws IOException {
    return BundledBase.use(name, directory -> open(device, directory));
  }

  /**
   * Opens a Hugging Face directory.
   *
   * @throws IOException naming the file, and the tensor or field, that is missing or wrong
   */
  public static BaseModel open(Device device, Path directory) throws IOException {
    if (!Files.isDirectory(directory)) {
      throw new IOException(
          directory
              + " is not a directory: a base model is one with config.json, *.safetensors and a tokenizer");
    }
    LlamaConfig config = LlamaConfigReader.read(directory);
    Tokenizer tokenizer = Tokenizer.read(directory);
    if (tokenizer.vocabSize() > config.vocabSize()) {
      throw new IOException(
          "%s: the tokenizer has %d tokens, config.json's vocab_size is %d: it belongs to another model"
              .formatted(directory, tokenizer.vocabSize(), config.vocabSize()));
    }
    SafetensorsModel files = SafetensorsModel.open(directory);
    try {
      LlamaWeights weights = LlamaWeights.load(device, config, files::tensor);
      return new BaseModel(tokenizer, files, weights, new LlamaNetwork(device, weights));
    } catch (IOException | RuntimeException | Error e) {
      files.close();
      throw e;
    }
  }

  public LlamaConfig config() {
    return network.config();
  }

  public Tokenizer tokenizer() {
    return tokenizer;
  }

  public LlamaNetwork network() {
    return network;
  }

  /**
   * An encoder in the paper's template.
   *
   * @param cutoff most tokens of an example; never more than {@link #maxPositions}
   */
  public ExampleEncoder encoder(int cutoff, boolean trainOnInputs) {
    return new ExampleEncoder(
        tokenizer, PromptTemplate.PAPER, Math.min(cutoff, maxPositions()), trainOnInputs);
  }

  /**
   * Whether {@code token} ends a text: the tokenizer's end token, which tuning teaches, or one of
   * those that config.json names, which need not be the same.
   */
  public boolean endsText(int token) {
    return token == tokenizer.eos() || config().eosTokenIds().contains(token);
  }

  /** Longest sequence that can be computed with the model. */
  public int maxPositions() {
    return weights.maxPositions();
  }

  @Override
  public void close() {
    weights.close();
    files.close();
  }
}
