package dev.tallrec.llama;

import dev.tallrec.backend.Cleanup;
import dev.tallrec.backend.Device;
import dev.tallrec.backend.DeviceArena;
import dev.tallrec.backend.FrozenLinear;
import dev.tallrec.backend.Matrix;
import dev.tallrec.backend.RopeTable;
import dev.tallrec.tensor.DType;
import dev.tallrec.tensor.Shape;
import dev.tallrec.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.CRC32C;

/**
 * The frozen weights of a LLaMA, resident on a device. Owner of the device memory they take; the
 * source's (mapped) memory must outlive it, since a device may read it in place.
 */
public final class LlamaWeights implements AutoCloseable {

  /** This program's limit: positions the rope table is made for, whatever a model's own limit. */
  private static final int LONGEST_SEQUENCE = 8192;

  /** Bytes of each weight that its checksum is made of: a page, so that hardly anything is read. */
  private static final long CHECKSUM_BYTES = 4096;

  static final String EMBEDDING = "model.embed_tokens.weight";
  static final String FINAL_NORM = "model.norm.weight";
  static final String LM_HEAD = "lm_head.weight";

  /**
   * Weights of one block.
   *
   * @param inputNorm [1, hidden]
   * @param qkv q, k and v below each other
   * @param q its part that makes queries
   * @param kv its part that makes keys and values
   * @param o attention output
   * @param postAttentionNorm [1, hidden]
   * @param gateUp gate and up below each other
   * @param down feed-forward output
   */
  record Layer(
      Matrix inputNorm,
      FrozenLinear qkv,
      FrozenLinear q,
      FrozenLinear kv,
      FrozenLinear o,
      Matrix postAttentionNorm,
      FrozenLinear gateUp,
      FrozenLinear down) {}

  private final DeviceArena memory;
  private final LlamaConfig config;
  private final FrozenLinear embedding;
  private final List<Layer> layers;
  private final Matrix finalNorm;
  private final FrozenLinear lmHead;
  private final RopeTable rope;
  private final long checksum;

  private LlamaWeights(
      DeviceArena memory,
      LlamaConfig config,
      FrozenLinear embedding,
      List<Layer> layers,
      Matrix finalNorm,
      FrozenLinear lmHead,
      RopeTable rope,
      long checksum) {
    this.memory = memory;
    this.config = config;
    this.embedding = embedding;
    this.layers = layers;
    this.finalNorm = finalNorm;
    this.lmHead = lmHead;
    this.rope = rope;
    this.checksum = checksum;
  }

  static String inputNorm(int layer) {
    return "model.layers." + layer + ".input_layernorm.weight";
  }

  static String postAttentionNorm(int layer) {
    return "model.layers." + layer + ".post_attention_layernorm.weight";
  }

  /**
   * Makes every weight resident on {@code device}.
   *
   * @throws IOException if a tensor is missing or has another shape or type than {@code config}
   *     demands
   */
  public static LlamaWeights load(Device device, LlamaConfig config, WeightSource source)
      throws IOException {
    DeviceArena memory = device.newArena();
    try {
      Loader loader = new Loader(device, memory, config, source, new CRC32C());
      FrozenLinear embedding = loader.linear(EMBEDDING);
      List<Layer> layers = new ArrayList<>();
      for (int layer = 0; layer < config.numHiddenLayers(); layer++) {
        layers.add(loader.layer(layer));
      }
      Matrix finalNorm = loader.norm(FINAL_NORM);
      FrozenLinear lmHead = config.tieWordEmbeddings() ? embedding : loader.linear(LM_HEAD);
      RopeTable rope = RopeFrequencies.table(device, memory, config, maxPositions(config));
      return new LlamaWeights(
          memory,
          config,
          embedding,
          List.copyOf(layers),
          finalNorm,
          lmHead,
          rope,
          loader.checksum().getValue());
    } catch (IOException | RuntimeException | Error e) {
      Cleanup.after(e, memory::close);
      throw e;
    }
  }

  private record Loader(
      Device device, DeviceArena memory, LlamaConfig config, WeightSource source, CRC32C checksum) {

    private Tensor weight(String name, Shape shape) throws IOException {
      Tensor weight = source.checked(name, shape);
      long bytes = Math.min(CHECKSUM_BYTES, weight.segment().byteSize());
      checksum.update(weight.segment().asSlice(0, bytes).asByteBuffer());
      return weight;
    }

    Layer layer(int layer) throws IOException {
      FrozenLinear qkv =
          projections(layer, Projection.Q_PROJ, Projection.K_PROJ, Projection.V_PROJ);
      return new Layer(
          norm(inputNorm(layer)),
          qkv,
          qkv.outputs(0, config.queryWidth()),
          qkv.outputs(config.queryWidth(), 2 * config.keyValueWidth()),
          projections(layer, Projection.O_PROJ),
          norm(postAttentionNorm(layer)),
          projections(layer, Projection.GATE_PROJ, Projection.UP_PROJ),
          projections(layer, Projection.DOWN_PROJ));
    }

    FrozenLinear projections(int layer, Projection... projections) throws IOException {
      List<Tensor> parts = new ArrayList<>();
      for (Projection projection : projections) {
        parts.add(
            weight(
                projection.weightName(layer),
                Shape.of(projection.outFeatures(config), projection.inFeatures(config))));
      }
      for (Tensor part : parts) {
        if (part.dtype() != parts.getFirst().dtype()) {
          throw new IOException(
              "%s is %s but %s is %s: they are used as one matrix and need one type"
                  .formatted(
                      parts.getFirst().name(),
                      parts.getFirst().dtype(),
                      part.name(),
                      part.dtype()));
        }
      }
      return device.loadLinear(memory, parts);
    }

    FrozenLinear linear(String name) throws IOException {
      return device.loadLinear(
          memory, List.of(weight(name, Shape.of(config.vocabSize(), config.hiddenSize()))));
    }

    Matrix norm(String name) throws IOException {
      Tensor weight = weight(name, Shape.of(config.hiddenSize()));
      Matrix resident = Matrix.allocate(memory, name, device.computeType(), 1, config.hiddenSize());
      try (Arena arena = Arena.ofShared()) {
        Tensor converted = Tensor.allocate(arena, name, device.computeType(), weight.shape());
        for (int i = 0; i < config.hiddenSize(); i++) {
          converted.setFloatAt(i, weight.floatAt(i));
        }
        device.upload(converted.segment(), resident.buffer());
      }
      return resident;
    }
  }

  public LlamaConfig config() {
    return config;
  }

  FrozenLinear embedding() {
    return embedding;
  }

  Layer layer(int layer) {
    return layers.get(layer);
  }

  Matrix finalNorm() {
    return finalNorm;
  }

  FrozenLinear lmHead() {
    return lmHead;
  }

  RopeTable rope() {
    return rope;
  }

  /**
   * Tokens that the longest sequence may have of a model that is loaded with {@code config}: what
   * the model was made for, or what this program computes, whichever is less.
   */
  public static int maxPositions(LlamaConfig config) {
    return Math.min(config.maxPositionEmbeddings(), LONGEST_SEQUENCE);
  }

  /** Tokens the longest sequence may have. */
  public int maxPositions() {
    return rope.cos().rows();
  }

  /** Type the checkpoint's linear layers are stored in. */
  public DType storageType() {
    return layers.getFirst().qkv().storageType();
  }

  /**
   * CRC-32C over the first {@value #CHECKSUM_BYTES} bytes of every weight as stored: tells models
   * of the same shapes apart without reading them whole.
   */
  public long checksum() {
    return checksum;
  }

  @Override
  public void close() {
    memory.close();
  }
}
