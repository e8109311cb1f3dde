package dev.tallrec.llama;

import dev.tallrec.backend.DeviceArena;
import dev.tallrec.backend.Matrix;
import dev.tallrec.tensor.DType;
import java.util.EnumMap;
import java.util.Map;

/**
 * What the backward pass of one block needs from its forward pass. Outputs of the norms and of
 * SwiGLU are not among it: they are cheap to compute again.
 *
 * @param x [T, hidden], the block's input
 * @param inputRstd F32 [T, 1]
 * @param qkv [T, queryWidth + 2 keyValueWidth], after rope
 * @param attention [T, queryWidth]
 * @param lse F32 [heads, T]
 * @param middle [T, hidden], x plus the attention output
 * @param middleRstd F32 [T, 1]
 * @param gateUp [T, 2 intermediate]
 * @param u by projection, [T, r]: the dropped-out input times A^T
 */
record LayerActivations(
    Matrix x,
    Matrix inputRstd,
    Matrix qkv,
    Matrix attention,
    Matrix lse,
    Matrix middle,
    Matrix middleRstd,
    Matrix gateUp,
    Map<Projection, Matrix> u) {

  static LayerActivations allocate(
      DeviceArena memory, String label, DType type, LlamaConfig config, int tokens, int[] ranks) {
    Map<Projection, Matrix> u = new EnumMap<>(Projection.class);
    for (Projection projection : Projection.values()) {
      int rank = ranks[projection.ordinal()];
      if (rank > 0) {
        u.put(
            projection,
            Matrix.allocate(memory, label + " u " + projection.moduleName(), type, tokens, rank));
      }
    }
    return new LayerActivations(
        Matrix.allocate(memory, label + " x", type, tokens, config.hiddenSize()),
        Matrix.allocate(memory, label + " rstd", DType.F32, tokens, 1),
        Matrix.allocate(
            memory, label + " qkv", type, tokens, config.queryWidth() + 2 * config.keyValueWidth()),
        Matrix.allocate(memory, label + " attention", type, tokens, config.queryWidth()),
        Matrix.allocate(memory, label + " lse", DType.F32, config.numAttentionHeads(), tokens),
        Matrix.allocate(memory, label + " middle", type, tokens, config.hiddenSize()),
        Matrix.allocate(memory, label + " rstd", DType.F32, tokens, 1),
        Matrix.allocate(memory, label + " gate|up", type, tokens, 2 * config.intermediateSize()),
        u);
  }

  /** These activations with another block input. */
  LayerActivations withInput(Matrix input) {
    return new LayerActivations(
        input, inputRstd, qkv, attention, lse, middle, middleRstd, gateUp, u);
  }

  /**
   * The parts in use for a batch.
   *
   * @param tokens T
   * @param rows R, rows of the block's output: T, or fewer in the last block
   */
  View view(LlamaConfig config, int tokens, int rows) {
    int queryWidth = config.queryWidth();
    int keyValueWidth = config.keyValueWidth();
    Matrix all = qkv.rows(0, tokens);
    Map<Projection, Matrix> uInUse = new EnumMap<>(Projection.class);
    u.forEach((projection, matrix) ->
        uInUse.put(
            projection,
            matrix.rows(
                0,
                projection == Projection.K_PROJ || projection == Projection.V_PROJ
                    ? tokens
                    : rows)));
    Matrix gateUpRows = gateUp.rows(0, rows);
    return new View(
        x.rows(0, tokens),
        inputRstd.rows(0, tokens),
        all,
        qkv.rows(0, rows).columns(0, queryWidth),
        all.columns(queryWidth, keyValueWidth),
        all.columns(queryWidth + keyValueWidth, keyValueWidth),
        all.columns(queryWidth, 2 * keyValueWidth),
        attention.rows(0, rows),
        new Matrix(lse.buffer(), DType.F32, 0, config.numAttentionHeads(), rows, rows),
        middle.rows(0, rows),
        middleRstd.rows(0, rows),
        gateUpRows,
        gateUpRows.columns(0, config.intermediateSize()),
        gateUpRows.columns(config.intermediateSize(), config.intermediateSize()),
        uInUse);
  }

  /** Views of the rows in use; q has the R query rows, k and v all T. */
  record View(
      Matrix x,
      Matrix inputRstd,
      Matrix qkv,
      Matrix q,
      Matrix k,
      Matrix v,
      Matrix kv,
      Matrix attention,
      Matrix lse,
      Matrix middle,
      Matrix middleRstd,
      Matrix gateUp,
      Matrix gate,
      Matrix up,
      Map<Projection, Matrix> u) {}
}
