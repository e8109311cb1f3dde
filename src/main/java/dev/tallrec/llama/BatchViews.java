package dev.tallrec.llama;

import dev.tallrec.backend.AttentionLayout;
import dev.tallrec.backend.Buffer;
import dev.tallrec.backend.Dropout;
import dev.tallrec.backend.Indices;
import dev.tallrec.backend.Matrix;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Views of a workspace's buffers for one batch shape, made together and kept while the shape stays:
 * a step then makes no garbage.
 */
final class BatchViews {

  /**
   * A LoRA pair with its dropout and the rows of u and du that a batch uses. du is null without a
   * backward pass.
   */
  record Lora(LowRank pair, Dropout dropout, Matrix u, @Nullable Matrix du) {}

  /** Some label rows, few enough for the logits buffer. */
  record LabelChunk(Matrix hidden, Matrix logits, Indices targets, Matrix weights, Matrix losses) {}

  final Indices ids;
  final Indices positions;
  final Indices lastRows;
  final Indices lastPositions;
  final Indices labelRows;
  final Indices repeatedRows;
  final AttentionLayout layout;
  final AttentionLayout lastLayout;
  final Scratch scratch;
  final Scratch lastScratch;
  final Matrix finalX;
  final Matrix finalRstd;
  final Matrix losses;
  final Buffer lossBytes;
  final MemorySegment hostLosses;
  private final Block.@Nullable QkvGradient dqkv;
  private final Block.@Nullable QkvGradient lastDqkv;
  final List<LabelChunk> chunks = new ArrayList<>();
  private final List<LayerActivations.View> layers = new ArrayList<>();
  private final List<@Nullable Lora[]> loras = new ArrayList<>();
  private final int keyRows;
  private final int sequences;
  private final int lastSequences;
  private final int maxLength;
  private final int lastMaxLength;

  private BatchViews(Workspace workspace, TokenBatch batch) {
    keyRows = batch.keyRows();
    sequences = batch.sequences();
    lastSequences = batch.lastSequences();
    maxLength = batch.maxLength();
    lastMaxLength = batch.lastMaxLength();
    LlamaConfig config = workspace.config();
    BatchInputs inputs = workspace.inputs;
    int tokens = batch.tokens();
    int rows = batch.lastCount();
    int labels = batch.labels();
    ids = inputs.ids(batch);
    positions = inputs.positions(batch);
    lastRows = inputs.lastRows(batch);
    lastPositions = inputs.lastPositions(batch);
    labelRows = inputs.labelRows(batch);
    repeatedRows = inputs.repeatedRows(batch);
    layout = inputs.layout(batch);
    lastLayout = inputs.lastLayout(batch);
    scratch = workspace.scratch().view(config, tokens, tokens, labels);
    lastScratch = workspace.scratch().view(config, tokens, rows, labels);
    finalX = workspace.finalX().rows(0, rows);
    finalRstd = workspace.finalRstd().rows(0, rows);
    losses = workspace.losses().rows(0, labels);
    lossBytes = losses.bytes();
    hostLosses = workspace.hostLosses().asSlice(0, lossBytes.byteSize());
    Scratch.Backward backward = scratch.backward();
    dqkv = backward == null ? null : Block.QkvGradient.of(config, backward.dqkv(), tokens);
    lastDqkv = backward == null ? null : Block.QkvGradient.of(config, backward.dqkv(), rows);
    int last = config.numHiddenLayers() - 1;
    for (int layer = 0; layer <= last; layer++) {
      LayerActivations.View view =
          workspace.layer(layer).view(config, tokens, layer == last ? rows : tokens);
      layers.add(view);
      loras.add(loras(workspace, layer, view));
    }
    Indices targets = inputs.targets(batch);
    Matrix weights = inputs.weights(batch);
    int step = workspace.plan().logitRows();
    for (int from = 0; from < labels; from += step) {
      int count = Math.min(step, labels - from);
      chunks.add(
          new LabelChunk(
              scratch.labelHidden().rows(from, count),
              workspace.logits().rows(0, count),
              targets.slice(from, count),
              weights.rows(from, count),
              losses.rows(from, count)));
    }
  }

  static BatchViews of(Workspace workspace, TokenBatch batch) {
    return new BatchViews(workspace, batch);
  }

  private @Nullable Lora[] loras(Workspace workspace, int layer, LayerActivations.View view) {
    Projection[] projections = Projection.values();
    @Nullable Lora[] result = new @Nullable Lora[projections.length];
    for (Projection projection : projections) {
      LowRank pair = workspace.adapter.at(layer, projection);
      Matrix u = view.u().get(projection);
      if (pair != null && u != null) {
        Scratch.Backward backward = scratch.backward();
        result[projection.ordinal()] =
            new Lora(
                pair,
                new Dropout(0, 0, pair.dropoutStream()),
                u.columns(0, pair.rank()),
                backward == null ? null : backward.du().rows(0, u.rows()).columns(0, pair.rank()));
      }
    }
    return result;
  }

  /** Makes the masks of LoRA dropout those of a micro-batch. */
  void drop(float probability, long seed) {
    for (int layer = 0; layer < loras.size(); layer++) {
      for (Lora lora : loras.get(layer)) {
        if (lora != null) {
          lora.dropout().set(probability, seed);
        }
      }
    }
  }

  LayerActivations.View layer(int layer) {
    return layers.get(layer);
  }

  Block.QkvGradient qkvGradient(boolean last) {
    return Objects.requireNonNull(last ? lastDqkv : dqkv, "planned for inference");
  }

  @Nullable Lora lora(int layer, Projection projection) {
    return loras.get(layer)[projection.ordinal()];
  }

  /** Whether these views are those of {@code batch} too. */
  boolean fits(TokenBatch batch) {
    return ids.count() == batch.tokens()
        && lastRows.count() == batch.lastCount()
        && labelRows.count() == batch.labels()
        && repeatedRows.count() == batch.repeats()
        && keyRows == batch.keyRows()
        && sequences == batch.sequences()
        && lastSequences == batch.lastSequences()
        && maxLength == batch.maxLength()
        && lastMaxLength == batch.lastMaxLength()
        && layout.pairs() == batch.pairs()
        && lastLayout.pairs() == batch.lastPairs();
  }
}
