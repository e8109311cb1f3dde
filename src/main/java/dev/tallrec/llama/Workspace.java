package dev.tallrec.llama;

import dev.tallrec.backend.Cleanup;
import dev.tallrec.backend.Device;
import dev.tallrec.backend.DeviceArena;
import dev.tallrec.backend.Matrix;
import dev.tallrec.tensor.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Every buffer that forward and backward passes use, allocated once for the largest micro-batch. No
 * step allocates device memory.
 *
 * <p>Buffers whose lives do not overlap share memory; the names say which.
 */
public final class Workspace implements AutoCloseable {

  private final WorkspacePlan plan;
  private final LlamaConfig config;
  private final DeviceArena memory;
  private final Arena host = Arena.ofShared();
  final BatchInputs inputs;
  final Adapter adapter;
  final int lowestLayer;
  private final List<LayerActivations> layers = new ArrayList<>();
  private final Scratch scratch;
  private final Matrix finalX;
  private final Matrix finalRstd;
  private final Matrix losses;
  private final Matrix logits;
  private final @Nullable Matrix floatLogits;
  private @Nullable MemorySegment hostLosses;
  private @Nullable BatchViews views;

  /**
   * Allocates everything.
   *
   * @throws dev.tallrec.backend.DeviceMemoryException if the device has not enough memory
   */
  public Workspace(Device device, LlamaConfig config, Adapter adapter, WorkspacePlan plan) {
    this(device.newArena(), device.computeType(), config, adapter, plan);
  }

  private Workspace(
      DeviceArena memory, DType type, LlamaConfig config, Adapter adapter, WorkspacePlan plan) {
    this.plan = plan;
    this.config = config;
    this.adapter = adapter;
    this.memory = memory;
    this.lowestLayer = adapter.lowestLayer(config.numHiddenLayers());
    try {
      int tokens = plan.maxTokens();
      this.inputs = new BatchInputs(memory, host, tokens, plan.maxSequences());
      allocateLayers(type);
      this.scratch = Scratch.allocate(memory, type, config, adapter, plan);
      this.finalX = Matrix.allocate(memory, "final x", type, tokens, config.hiddenSize());
      this.finalRstd = Matrix.allocate(memory, "final rstd", DType.F32, tokens, 1);
      this.losses = Matrix.allocate(memory, "losses", DType.F32, tokens, 1);
      this.logits = Matrix.allocate(memory, "logits", type, plan.logitRows(), config.vocabSize());
      this.floatLogits =
          plan.training() || type == DType.F32
              ? null
              : Matrix.allocate(
                  memory, "logits F32", DType.F32, plan.logitRows(), config.vocabSize());
    } catch (RuntimeException | Error e) {
      Cleanup.after(e, memory::close, host::close);
      throw e;
    }
  }

  /** The buffers a workspace of this kind takes, by label, without a device. */
  public static List<PlannedBuffer> plan(
      DType computeType, LlamaConfig config, Adapter adapter, WorkspacePlan plan) {
    PlanningArena planning = new PlanningArena();
    try (Workspace _ = new Workspace(planning, computeType, config, adapter, plan)) {
      return planning.buffers();
    }
  }

  /**
   * How many layers' activations a training workspace can keep within {@code bytes}; 0 if it does
   * not fit at all.
   */
  public static int layersThatFit(
      DType computeType,
      LlamaConfig config,
      Adapter adapter,
      int maxTokens,
      int maxSequences,
      long bytes) {
    int layers = config.numHiddenLayers();
    while (layers > 0
        && PlannedBuffer.sum(
                plan(
                    computeType,
                    config,
                    adapter,
                    WorkspacePlan.forTraining(config, maxTokens, maxSequences, layers)))
            > bytes) {
      layers--;
    }
    return layers;
  }

  /**
   * What training may take of {@code free} bytes: a tenth is left, for keys and values of
   * evaluations, for the driver and for others on the device.
   */
  public static long shareOf(long free) {
    return free / 10 * 9;
  }

  /**
   * How many layers' activations it can keep in its {@linkplain #shareOf share} of what is free.
   */
  public static int layersThatFit(
      Device device, LlamaConfig config, Adapter adapter, int maxTokens, int maxSequences) {
    return layersThatFit(
        device.computeType(),
        config,
        adapter,
        maxTokens,
        maxSequences,
        shareOf(device.availableBytes()));
  }

  private void allocateLayers(DType type) {
    int count = config.numHiddenLayers();
    int firstSaved = plan.training() ? Math.max(lowestLayer, count - plan.savedLayers()) : count;
    int[] largest = new int[Projection.values().length];
    for (int layer = 0; layer < firstSaved; layer++) {
      int[] ranks = ranks(layer);
      for (int i = 0; i < ranks.length; i++) {
        largest[i] = Math.max(largest[i], ranks[i]);
      }
    }
    LayerActivations shared =
        firstSaved == 0
            ? null
            : LayerActivations.allocate(
                memory, "recomputed", type, config, plan.maxTokens(), largest);
    for (int layer = 0; layer < count; layer++) {
      if (layer >= firstSaved || shared == null) {
        layers.add(
            LayerActivations.allocate(
                memory, "layer " + layer, type, config, plan.maxTokens(), ranks(layer)));
      } else if (plan.training() && layer >= lowestLayer) {
        layers.add(
            shared.withInput(
                Matrix.allocate(
                    memory, "layer " + layer + " x", type, plan.maxTokens(), config.hiddenSize())));
      } else {
        layers.add(shared);
      }
    }
  }

  private int[] ranks(int layer) {
    int[] ranks = new int[Projection.values().length];
    for (Projection projection : Projection.values()) {
      LowRank pair = adapter.at(layer, projection);
      ranks[projection.ordinal()] = pair == null ? 0 : pair.rank();
    }
    return ranks;
  }

  /** Whether the activations of {@code layer} must be computed again before its backward pass. */
  boolean isRecomputed(int layer) {
    return layer < config.numHiddenLayers() - plan.savedLayers();
  }

  /** The views for a batch, made anew only where its shape differs from the last one's. */
  BatchViews views(TokenBatch batch) {
    BatchViews current = views;
    if (current == null || !current.fits(batch)) {
      current = BatchViews.of(this, batch);
      views = current;
    }
    return current;
  }

  LlamaConfig config() {
    return config;
  }

  /** The adapter that passes in it use. */
  public Adapter adapter() {
    return adapter;
  }

  /** What it was planned for. */
  public WorkspacePlan plan() {
    return plan;
  }

  LayerActivations layer(int layer) {
    return layers.get(layer);
  }

  Scratch scratch() {
    return scratch;
  }

  Matrix finalX() {
    return finalX;
  }

  Matrix finalRstd() {
    return finalRstd;
  }

  Matrix losses() {
    return losses;
  }

  Matrix logits() {
    return logits;
  }

  /** Where to put {@code logits} as F32: themselves if they are. */
  Matrix floatLogits(Matrix chunk) {
    if (chunk.dtype() == DType.F32) {
      return chunk;
    }
    return Objects.requireNonNull(floatLogits, "planned for training").rows(0, chunk.rows());
  }

  /** Host memory for {@link #losses}; made when first asked for, as a plan never does. */
  MemorySegment hostLosses() {
    MemorySegment made = hostLosses;
    if (made == null) {
      made = host.allocate((long) plan.maxTokens() * Float.BYTES, 64);
      hostLosses = made;
    }
    return made;
  }

  /** Device memory taken, in bytes. */
  public long allocatedBytes() {
    return memory.allocatedBytes();
  }

  @Override
  public void close() {
    memory.close();
    host.close();
  }
}
