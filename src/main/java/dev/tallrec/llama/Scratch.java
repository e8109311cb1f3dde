package dev.tallrec.llama;

import dev.tallrec.backend.DeviceArena;
import dev.tallrec.backend.Matrix;
import dev.tallrec.tensor.DType;
import org.jspecify.annotations.Nullable;

/**
 * Buffers that every block uses in turn.
 *
 * @param norm [T, hidden], output of a norm
 * @param normRows [T, hidden], rows of it that the last block makes queries of
 * @param delta [T, hidden], what a block adds to the residual stream; gradient of a norm's output
 * @param rows [T, hidden], the last block's input at query rows; gradient of its output
 * @param labelHidden [T, hidden], final hidden states at label rows and their gradient; gradient of
 *     normRows
 * @param activation [T, intermediate], output of SwiGLU
 * @param backward the rest, where there is a backward pass
 */
record Scratch(
    Matrix norm,
    Matrix normRows,
    Matrix delta,
    Matrix rows,
    Matrix labelHidden,
    Matrix activation,
    @Nullable Backward backward) {

  /**
   * Buffers of the backward pass.
   *
   * @param dx [T, hidden], gradient of the residual stream
   * @param dqkv [T, queryWidth + 2 keyValueWidth]
   * @param dattention [T, queryWidth]
   * @param dactivation [T, intermediate]; the memory of {@code activation} where no adapter needs
   *     both
   * @param du [T, largest rank]
   * @param delta F32 [heads, T], row sums of the attention backward pass
   * @param dnorm [T, hidden], gradient of a norm's output; the memory of the block's delta
   * @param dnormRows [T, hidden], its rows where the last block has queries; the memory of
   *     labelHidden
   */
  record Backward(
      Matrix dx,
      Matrix dqkv,
      Matrix dattention,
      Matrix dactivation,
      Matrix du,
      Matrix delta,
      Matrix dnorm,
      Matrix dnormRows) {

    Backward view(LlamaConfig config, int tokens, int rows) {
      return new Backward(
          dx.rows(0, tokens),
          dqkv.rows(0, tokens),
          dattention.rows(0, rows),
          dactivation.rows(0, rows),
          du.rows(0, tokens),
          new Matrix(delta.buffer(), DType.F32, 0, config.numAttentionHeads(), rows, rows),
          dnorm.rows(0, tokens),
          dnormRows.rows(0, rows));
    }
  }

  static Scratch allocate(
      DeviceArena memory, DType type, LlamaConfig config, Adapter adapter, WorkspacePlan plan) {
    int tokens = plan.maxTokens();
    int hidden = config.hiddenSize();
    Matrix activation = Matrix.allocate(memory, "swiglu", type, tokens, config.intermediateSize());
    Matrix delta = Matrix.allocate(memory, "block delta", type, tokens, hidden);
    Matrix labelHidden = Matrix.allocate(memory, "label hidden", type, tokens, hidden);
    Backward backward = null;
    if (plan.training()) {
      backward =
          new Backward(
              Matrix.allocate(memory, "dx", type, tokens, hidden),
              Matrix.allocate(
                  memory, "dqkv", type, tokens, config.queryWidth() + 2 * config.keyValueWidth()),
              Matrix.allocate(memory, "dattention", type, tokens, config.queryWidth()),
              adaptsDown(config, adapter)
                  ? Matrix.allocate(memory, "dswiglu", type, tokens, config.intermediateSize())
                  : activation,
              Matrix.allocate(memory, "du", type, tokens, largestRank(config, adapter)),
              Matrix.allocate(
                  memory, "attention delta", DType.F32, config.numAttentionHeads(), tokens),
              delta,
              labelHidden);
    }
    return new Scratch(
        Matrix.allocate(memory, "norm", type, tokens, hidden),
        Matrix.allocate(memory, "norm rows", type, tokens, hidden),
        delta,
        Matrix.allocate(memory, "last rows", type, tokens, hidden),
        labelHidden,
        activation,
        backward);
  }

  private static boolean adaptsDown(LlamaConfig config, Adapter adapter) {
    for (int layer = 0; layer < config.numHiddenLayers(); layer++) {
      if (adapter.at(layer, Projection.DOWN_PROJ) != null) {
        return true;
      }
    }
    return false;
  }

  private static int largestRank(LlamaConfig config, Adapter adapter) {
    int largest = 1;
    for (int layer = 0; layer < config.numHiddenLayers(); layer++) {
      for (Projection projection : Projection.values()) {
        LowRank pair = adapter.at(layer, projection);
        largest = pair == null ? largest : Math.max(largest, pair.rank());
      }
    }
    return largest;
  }

  /** The rows in use: {@code norm} and {@code dx} have all T tokens, the others R rows. */
  Scratch view(LlamaConfig config, int tokens, int rows, int labels) {
    return new Scratch(
        norm.rows(0, tokens),
        normRows.rows(0, rows),
        delta.rows(0, rows),
        this.rows.rows(0, rows),
        labelHidden.rows(0, labels),
        activation.rows(0, rows),
        backward == null ? null : backward.view(config, tokens, rows));
  }
}
