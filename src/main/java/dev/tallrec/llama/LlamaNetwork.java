package dev.tallrec.llama;

import dev.tallrec.backend.Device;
import dev.tallrec.backend.Matrix;
import dev.tallrec.backend.Ops;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/**
 * Forward pass and LoRA-only backward pass of a LLaMA over micro-batches. It holds the frozen
 * weights and nothing that a pass changes: activations are the workspace's, an argument, and
 * gradients go into the buffers of its adapter.
 */
public final class LlamaNetwork {

  private final Device device;
  private final Ops ops;
  private final LlamaWeights weights;
  private final LlamaConfig config;
  private final Block block;

  /** A network with {@code weights}, which are resident on {@code device}. */
  public LlamaNetwork(Device device, LlamaWeights weights) {
    this.device = device;
    this.ops = device.ops();
    this.weights = weights;
    this.config = weights.config();
    this.block = new Block(ops, weights);
  }

  public LlamaConfig config() {
    return config;
  }

  public Device device() {
    return device;
  }

  /** The frozen weights. */
  public LlamaWeights weights() {
    return weights;
  }

  /**
   * Adds the gradients of the batch's loss to those of the workspace's adapter.
   *
   * @param gradientScale factor on every gradient: loss scale / label weight of the whole batch
   *     that this micro-batch is part of
   * @param dropout probability of LoRA dropout
   * @param seed of the dropout masks of this micro-batch
   * @return the sum of weight * -log P(label) over the micro-batch's labels, unscaled
   */
  public double lossAndGradients(
      Workspace workspace, TokenBatch batch, float gradientScale, float dropout, long seed) {
    if (!workspace.plan().training()) {
      throw new IllegalArgumentException("the workspace was planned for inference");
    }
    if (batch.labels() == 0) {
      throw new IllegalArgumentException("a micro-batch without labels");
    }
    BatchViews views = forward(workspace, batch, null, dropout, seed);
    ops.gatherRows(views.lastScratch.normRows(), views.labelRows, views.scratch.labelHidden());
    boolean trains = workspace.lowestLayer < config.numHiddenLayers();
    for (int i = 0; i < views.chunks.size(); i++) {
      BatchViews.LabelChunk chunk = views.chunks.get(i);
      ops.linear(chunk.hidden(), weights.lmHead(), chunk.logits(), false);
      ops.crossEntropy(
          chunk.logits(),
          chunk.targets(),
          chunk.weights(),
          gradientScale,
          chunk.losses(),
          trains ? chunk.logits() : null);
      if (trains) {
        ops.linearBackward(chunk.logits(), weights.lmHead(), chunk.hidden(), false);
      }
    }
    if (trains) {
      backward(workspace, views);
    }
    return downloadLoss(views);
  }

  /** The sum of weight * -log P(label) over the batch's labels. */
  public double loss(Workspace workspace, TokenBatch batch) {
    BatchViews views = hiddenAtLabels(workspace, batch, null);
    for (int i = 0; i < views.chunks.size(); i++) {
      BatchViews.LabelChunk chunk = views.chunks.get(i);
      ops.linear(chunk.hidden(), weights.lmHead(), chunk.logits(), false);
      ops.crossEntropy(chunk.logits(), chunk.targets(), chunk.weights(), 0, chunk.losses(), null);
    }
    return downloadLoss(views);
  }

  /**
   * Logits of the batch's label rows.
   *
   * @param cache where the batch's keys and values go and earlier ones are, or null
   * @param logits F32 [labels, vocabSize] in host memory, written
   */
  public void logits(
      Workspace workspace, TokenBatch batch, @Nullable KeyValueCache cache, MemorySegment logits) {
    BatchViews views = hiddenAtLabels(workspace, batch, cache);
    long offset = 0;
    for (int i = 0; i < views.chunks.size(); i++) {
      BatchViews.LabelChunk chunk = views.chunks.get(i);
      ops.linear(chunk.hidden(), weights.lmHead(), chunk.logits(), false);
      Matrix asFloats = workspace.floatLogits(chunk.logits());
      if (asFloats != chunk.logits()) {
        ops.copy(chunk.logits(), asFloats);
      }
      long bytes = asFloats.elementCount() * Float.BYTES;
      device.download(asFloats.bytes(), logits.asSlice(offset, bytes));
      offset += bytes;
    }
  }

  /**
   * Probabilities, over the whole vocabulary, of a few tokens after each of the batch's label rows.
   *
   * @param tokens the scored tokens, resident on the device
   * @param probabilities [labels * tokens.count()], written row by row
   */
  public void tokenProbabilities(
      Workspace workspace,
      TokenBatch batch,
      @Nullable KeyValueCache cache,
      ScoredTokens tokens,
      float[] probabilities) {
    BatchViews views = hiddenAtLabels(workspace, batch, cache);
    int row = 0;
    for (int i = 0; i < views.chunks.size(); i++) {
      BatchViews.LabelChunk chunk = views.chunks.get(i);
      ops.linear(chunk.hidden(), weights.lmHead(), chunk.logits(), false);
      tokens.probabilities(device, chunk.logits(), probabilities, row);
      row += chunk.logits().rows();
    }
  }

  /**
   * Final hidden states, after the last norm, at the batch's label rows.
   *
   * @param hidden [labels, hiddenSize] of the activations' type in host memory, written
   */
  public void hiddenStates(Workspace workspace, TokenBatch batch, MemorySegment hidden) {
    BatchViews views = hiddenAtLabels(workspace, batch, null);
    device.download(views.scratch.labelHidden().bytes(), hidden);
  }

  private BatchViews hiddenAtLabels(
      Workspace workspace, TokenBatch batch, @Nullable KeyValueCache cache) {
    BatchViews views = forward(workspace, batch, cache, 0, 0);
    ops.gatherRows(views.lastScratch.normRows(), views.labelRows, views.scratch.labelHidden());
    return views;
  }

  /** Runs all blocks and the final norm, whose output at the last rows ends up in normRows. */
  private BatchViews forward(
      Workspace workspace,
      TokenBatch batch,
      @Nullable KeyValueCache cache,
      float dropout,
      long seed) {
    batch.check(config, weights.maxPositions());
    if (batch.tokens() == 0) {
      throw new IllegalArgumentException("an empty micro-batch");
    }
    if (cache == null ? batch.keyRows() != batch.tokens() : batch.keyRows() > cache.capacity()) {
      throw new IllegalArgumentException(
          "rows %d to %d of a K/V cache of %d"
              .formatted(batch.keyBase(), batch.keyRows(), cache == null ? 0 : cache.capacity()));
    }
    workspace.inputs.upload(device, batch);
    BatchViews views = workspace.views(batch);
    views.drop(dropout, seed);
    LayerActivations.View first = views.layer(0);
    ops.embedding(views.ids, weights.embedding(), first.x());
    ops.rmsNorm(
        first.x(),
        weights.layer(0).inputNorm(),
        config.rmsNormEps(),
        views.scratch.norm(),
        first.inputRstd());
    int last = config.numHiddenLayers() - 1;
    for (int layer = 0; layer <= last; layer++) {
      block.forward(layer, views, cache, batch.keyBase());
      LayerActivations.View a = views.layer(layer);
      if (layer < last) {
        LayerActivations.View next = views.layer(layer + 1);
        ops.addRmsNorm(
            a.middle(),
            views.scratch.delta(),
            weights.layer(layer + 1).inputNorm(),
            config.rmsNormEps(),
            next.x(),
            views.scratch.norm(),
            next.inputRstd());
      } else {
        ops.addRmsNorm(
            a.middle(),
            views.lastScratch.delta(),
            weights.finalNorm(),
            config.rmsNormEps(),
            views.finalX,
            views.lastScratch.normRows(),
            views.finalRstd);
      }
    }
    return views;
  }

  /** Expects d loss / d hidden at label rows in labelHidden. */
  private void backward(Workspace workspace, BatchViews views) {
    Matrix dnorm = views.lastScratch.normRows();
    ops.fill(dnorm, 0);
    ops.scatterAddRows(views.scratch.labelHidden(), views.labelRows, dnorm);
    Matrix dlast = views.lastScratch.rows();
    ops.fill(dlast, 0);
    ops.rmsNormBackward(dnorm, views.finalX, weights.finalNorm(), views.finalRstd, dlast);
    int last = config.numHiddenLayers() - 1;
    for (int layer = last; layer >= workspace.lowestLayer; layer--) {
      if (workspace.isRecomputed(layer) && layer < last) {
        LayerActivations.View a = views.layer(layer);
        ops.rmsNorm(
            a.x(),
            weights.layer(layer).inputNorm(),
            config.rmsNormEps(),
            views.scratch.norm(),
            a.inputRstd());
        block.recompute(layer, views);
      }
      block.backward(layer, views, workspace.adapter, layer > workspace.lowestLayer);
    }
  }

  private double downloadLoss(BatchViews views) {
    MemorySegment host = views.hostLosses;
    device.download(views.lossBytes, host);
    double sum = 0;
    for (long i = 0; i < views.losses.rows(); i++) {
      sum += host.getAtIndex(ValueLayout.JAVA_FLOAT, i);
    }
    return sum;
  }
}
