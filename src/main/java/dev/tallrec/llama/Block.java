package dev.tallrec.llama;

import dev.tallrec.backend.AttentionLayout;
import dev.tallrec.backend.Indices;
import dev.tallrec.backend.Matrix;
import dev.tallrec.backend.Ops;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * One transformer block: rms_norm, q/k/v, rope, attention, o, residual, rms_norm, gate/up, swiglu,
 * down; the residual sum after it belongs to the next norm. The last block makes queries, and
 * everything after them, for some rows only.
 */
final class Block {

  private final Ops ops;
  private final LlamaWeights weights;
  private final LlamaConfig config;
  private final float attentionScale;

  Block(Ops ops, LlamaWeights weights) {
    this.ops = ops;
    this.weights = weights;
    this.config = weights.config();
    this.attentionScale = (float) (1 / Math.sqrt(config.headDim()));
  }

  private boolean isLast(int layer) {
    return layer == config.numHiddenLayers() - 1;
  }

  /**
   * Expects the block's input in the layer's x and its norm in the scratch; leaves what the block
   * adds to the residual stream in the scratch's delta, to be added to the layer's middle.
   */
  void forward(int layer, BatchViews views, @Nullable KeyValueCache cache, int keyBase) {
    forwardToGateUp(layer, views, cache, keyBase);
    LayerActivations.View a = views.layer(layer);
    Scratch s = isLast(layer) ? views.lastScratch : views.scratch;
    ops.swiglu(a.gate(), a.up(), s.activation());
    ops.linear(s.activation(), weights.layer(layer).down(), s.delta(), false);
    adapt(views.lora(layer, Projection.DOWN_PROJ), s.activation(), s.delta());
  }

  /**
   * Computes again what the backward pass of a block reads, from the same input. What the block
   * would add to the residual stream is known already, so its largest part, down's product, is left
   * out; the scratch's delta holds nothing of use afterwards.
   */
  void recompute(int layer, BatchViews views) {
    forwardToGateUp(layer, views, null, 0);
    BatchViews.Lora down = views.lora(layer, Projection.DOWN_PROJ);
    if (down != null) {
      LayerActivations.View a = views.layer(layer);
      ops.swiglu(a.gate(), a.up(), views.scratch.activation());
      adapt(down, views.scratch.activation(), views.scratch.delta());
    }
  }

  private void forwardToGateUp(
      int layer, BatchViews views, @Nullable KeyValueCache cache, int keyBase) {
    LlamaWeights.Layer w = weights.layer(layer);
    LayerActivations.View a = views.layer(layer);
    boolean last = isLast(layer);
    Scratch s = last ? views.lastScratch : views.scratch;
    Matrix queryInput = last ? s.normRows() : s.norm();
    if (last) {
      ops.gatherRows(s.norm(), views.lastRows, queryInput);
      ops.linear(queryInput, w.q(), a.q(), false);
      ops.linear(s.norm(), w.kv(), a.kv(), false);
    } else {
      ops.linear(s.norm(), w.qkv(), a.qkv(), false);
    }
    adapt(views.lora(layer, Projection.Q_PROJ), queryInput, a.q());
    adapt(views.lora(layer, Projection.K_PROJ), s.norm(), a.k());
    adapt(views.lora(layer, Projection.V_PROJ), s.norm(), a.v());
    ops.rope(a.q(), queryPositions(views, last), weights.rope(), false);
    ops.rope(a.k(), views.positions, weights.rope(), false);
    Matrix keys = a.k();
    Matrix values = a.v();
    if (cache != null) {
      KeyValueCache.Rows visible = cache.put(ops, layer, a.k(), a.v(), keyBase);
      int repeats = views.repeatedRows.count();
      if (repeats > 0) {
        int first = views.layout.keyRows() - repeats;
        KeyValueCache.repeat(ops, visible, views.repeatedRows, first);
      }
      keys = visible.keys();
      values = visible.values();
    }
    ops.attention(
        a.q(),
        keys,
        values,
        layout(views, last),
        config.headDim(),
        attentionScale,
        a.attention(),
        a.lse());
    ops.linear(a.attention(), w.o(), s.delta(), false);
    adapt(views.lora(layer, Projection.O_PROJ), a.attention(), s.delta());
    Matrix input = a.x();
    if (last) {
      input = s.rows();
      ops.gatherRows(a.x(), views.lastRows, input);
    }
    Matrix normed = normAtRows(s, last);
    ops.addRmsNorm(
        input,
        s.delta(),
        w.postAttentionNorm(),
        config.rmsNormEps(),
        a.middle(),
        normed,
        a.middleRstd());
    ops.linear(normed, w.gateUp(), a.gateUp(), false);
    adapt(views.lora(layer, Projection.GATE_PROJ), normed, a.gate());
    adapt(views.lora(layer, Projection.UP_PROJ), normed, a.up());
  }

  /**
   * Backward pass of LoRA's A and B and, where {@code needsInput}, of the block's input.
   *
   * <p>Expects the gradient of the block's output in the scratch's dx (in {@code rows} for the last
   * block) and leaves that of its input in dx. Overwrites the layer's gate and up.
   */
  void backward(int layer, BatchViews views, Adapter adapter, boolean needsInput) {
    boolean last = isLast(layer);
    Scratch s = last ? views.lastScratch : views.scratch;
    Scratch.Backward g = Objects.requireNonNull(s.backward(), "planned for inference");
    Matrix dout = last ? s.rows() : g.dx();
    if (feedForwardBackward(layer, views, adapter, needsInput, s, g, dout)) {
      attentionBackward(layer, views, adapter, needsInput, s, g, dout);
    }
  }

  /** Returns whether anything before the feed-forward part needs a gradient. */
  private boolean feedForwardBackward(
      int layer,
      BatchViews views,
      Adapter adapter,
      boolean needsInput,
      Scratch s,
      Scratch.Backward g,
      Matrix dout) {
    LlamaWeights.Layer w = weights.layer(layer);
    LayerActivations.View a = views.layer(layer);
    boolean needsHidden = needsInput || adapter.reaches(layer, Projection.UP_PROJ);
    BatchViews.Lora down = views.lora(layer, Projection.DOWN_PROJ);
    if (down != null) {
      ops.swiglu(a.gate(), a.up(), s.activation());
    }
    if (needsHidden) {
      ops.linearBackward(dout, w.down(), g.dactivation(), false);
    }
    adaptBackward(down, dout, s.activation(), needsHidden ? g.dactivation() : null);
    if (!needsHidden) {
      return false;
    }
    ops.swigluBackward(g.dactivation(), a.gate(), a.up(), a.gate(), a.up());
    BatchViews.Lora gate = views.lora(layer, Projection.GATE_PROJ);
    BatchViews.Lora up = views.lora(layer, Projection.UP_PROJ);
    Matrix normed = normAtRows(s, isLast(layer));
    if (gate != null || up != null) {
      ops.rmsNorm(a.middle(), w.postAttentionNorm(), config.rmsNormEps(), normed, a.middleRstd());
    }
    boolean needsMiddle = needsInput || adapter.reaches(layer, Projection.O_PROJ);
    Matrix dnorm = s.delta();
    if (needsMiddle) {
      ops.linearBackward(a.gateUp(), w.gateUp(), dnorm, false);
    }
    adaptBackward(gate, a.gate(), normed, needsMiddle ? dnorm : null);
    adaptBackward(up, a.up(), normed, needsMiddle ? dnorm : null);
    if (needsMiddle) {
      ops.rmsNormBackward(dnorm, a.middle(), w.postAttentionNorm(), a.middleRstd(), dout);
    }
    return needsMiddle;
  }

  private void attentionBackward(
      int layer,
      BatchViews views,
      Adapter adapter,
      boolean needsInput,
      Scratch s,
      Scratch.Backward g,
      Matrix dout) {
    LlamaWeights.Layer w = weights.layer(layer);
    LayerActivations.View a = views.layer(layer);
    boolean last = isLast(layer);
    boolean needsAttention = needsInput || adapter.reaches(layer, Projection.V_PROJ);
    if (needsAttention) {
      ops.linearBackward(dout, w.o(), g.dattention(), false);
    }
    adaptBackward(
        views.lora(layer, Projection.O_PROJ),
        dout,
        a.attention(),
        needsAttention ? g.dattention() : null);
    if (!needsAttention) {
      return;
    }
    QkvGradient d = views.qkvGradient(last);
    ops.ropeAttentionBackward(
        a.q(),
        a.k(),
        a.v(),
        a.attention(),
        g.dattention(),
        a.lse(),
        layout(views, last),
        config.headDim(),
        attentionScale,
        g.delta(),
        queryPositions(views, last),
        views.positions,
        weights.rope(),
        d.q(),
        d.k(),
        d.v());
    if (adapter.reaches(layer, Projection.V_PROJ)) {
      ops.rmsNorm(a.x(), w.inputNorm(), config.rmsNormEps(), s.norm(), a.inputRstd());
    }
    Matrix queryInput = s.norm();
    Matrix dnorm = needsInput ? g.dnorm() : null;
    Matrix dqueryInput = dnorm;
    if (last) {
      queryInput = s.normRows();
      if (views.lora(layer, Projection.Q_PROJ) != null) {
        ops.gatherRows(s.norm(), views.lastRows, queryInput);
      }
      dqueryInput = needsInput ? g.dnormRows() : null;
    }
    if (dnorm != null && dqueryInput != null) {
      if (last) {
        ops.linearBackward(d.kv(), w.kv(), dnorm, false);
        ops.linearBackward(d.q(), w.q(), dqueryInput, false);
      } else {
        ops.linearBackward(d.qkv(), w.qkv(), dnorm, false);
      }
    }
    adaptBackward(views.lora(layer, Projection.Q_PROJ), d.q(), queryInput, dqueryInput);
    adaptBackward(views.lora(layer, Projection.K_PROJ), d.k(), s.norm(), dnorm);
    adaptBackward(views.lora(layer, Projection.V_PROJ), d.v(), s.norm(), dnorm);
    if (dnorm == null || dqueryInput == null) {
      return;
    }
    if (last) {
      ops.scatterAddRows(dqueryInput, views.lastRows, dnorm);
      ops.fill(g.dx(), 0);
      ops.scatterAddRows(dout, views.lastRows, g.dx());
    }
    ops.rmsNormBackward(dnorm, a.x(), w.inputNorm(), a.inputRstd(), g.dx());
  }

  private void adapt(BatchViews.@Nullable Lora lora, Matrix x, Matrix y) {
    if (lora != null) {
      LowRank pair = lora.pair();
      ops.lora(x, pair.a(), pair.b(), pair.scale(), lora.dropout(), lora.u(), y);
    }
  }

  private void adaptBackward(
      BatchViews.@Nullable Lora lora, Matrix dy, Matrix x, @Nullable Matrix dx) {
    if (lora != null) {
      LowRank pair = lora.pair();
      Matrix du = Objects.requireNonNull(lora.du(), "planned for inference");
      ops.loraBackward(
          dy,
          x,
          lora.u(),
          pair.a(),
          pair.b(),
          pair.scale(),
          lora.dropout(),
          du,
          pair.aGradient(),
          pair.bGradient(),
          dx);
    }
  }

  /** The norm buffer's rows for what comes after attention: the last block uses normRows for it. */
  private static Matrix normAtRows(Scratch s, boolean last) {
    return last ? s.normRows() : s.norm();
  }

  private static Indices queryPositions(BatchViews views, boolean last) {
    return last ? views.lastPositions : views.positions;
  }

  private static AttentionLayout layout(BatchViews views, boolean last) {
    return last ? views.lastLayout : views.layout;
  }

  /**
   * Gradients of q (R rows), k and v (T rows), side by side.
   *
   * @param qkv all of them, where R = T
   * @param q columns of q
   * @param k columns of k
   * @param v columns of v
   * @param kv columns of k and v
   */
  record QkvGradient(Matrix qkv, Matrix q, Matrix k, Matrix v, Matrix kv) {

    static QkvGradient of(LlamaConfig config, Matrix dqkv, int rows) {
      int queryWidth = config.queryWidth();
      int keyValueWidth = config.keyValueWidth();
      return new QkvGradient(
          dqkv,
          dqkv.rows(0, rows).columns(0, queryWidth),
          dqkv.columns(queryWidth, keyValueWidth),
          dqkv.columns(queryWidth + keyValueWidth, keyValueWidth),
          dqkv.columns(queryWidth, 2 * keyValueWidth));
    }
  }
}
