package dev.tallrec.backend.cpu;

import dev.tallrec.backend.AttentionLayout;
import dev.tallrec.backend.Indices;
import dev.tallrec.backend.Matrix;

/** Softmax attention and its gradient, shared out by segments and heads of keys and values. */
final class Attention {

  // Queries of a head that share packed keys: few enough that a long sequence keeps threads busy.
  private static final int QUERIES_AT_A_TIME = 4 * TileKernel.COLUMNS;

  // Up to here most columns of a block would be empty.
  private static final int FEW_QUERIES = 3;

  private static final Matrix NONE = RowOperation.NO_MATRIX;
  private static final Indices NO_INDICES = RowOperation.NO_INDICES;

  private final WorkerPool pool;
  private final SingleQuery[] singles;
  private final AttentionBlock[] blocks;
  private final WorkerPool.Task forwardSingle = this::forwardSingle;
  private final WorkerPool.Task forwardPiece = this::forwardPiece;
  private final WorkerPool.Task backwardHead = this::backwardHead;

  // The operation that is being done.
  private Matrix q = NONE;
  private Matrix k = NONE;
  private Matrix v = NONE;
  private Matrix out = NONE;
  private Matrix lse = NONE;
  private Matrix dout = NONE;
  private Matrix delta = NONE;
  private Matrix dq = NONE;
  private Matrix dk = NONE;
  private Matrix dv = NONE;
  private Indices segments = NO_INDICES;
  private int segmentCount;
  private int headDim;
  private int keyHeads;
  private int group;
  private int piecesOfSegment;
  private float scale;

  Attention(WorkerPool pool, Scratch[] scratch) {
    this.pool = pool;
    singles = new SingleQuery[scratch.length];
    blocks = new AttentionBlock[scratch.length];
    for (int worker = 0; worker < blocks.length; worker++) {
      singles[worker] = new SingleQuery(scratch[worker]);
      blocks[worker] = new AttentionBlock();
    }
  }

  void forward(
      Matrix queries,
      Matrix keys,
      Matrix values,
      AttentionLayout layout,
      int dimension,
      float factor,
      Matrix output,
      Matrix logSumExp) {
    set(queries, keys, values, layout, dimension, factor, output, logSumExp);
    if (layout.maxQueryCount() <= FEW_QUERIES) {
      pool.forEach(segmentCount * keyHeads * group, forwardSingle);
    } else {
      pool.forEach(segmentCount * piecesOfSegment * keyHeads, forwardPiece);
    }
  }

  private void set(
      Matrix queries,
      Matrix keys,
      Matrix values,
      AttentionLayout layout,
      int dimension,
      float factor,
      Matrix output,
      Matrix logSumExp) {
    q = queries;
    k = keys;
    v = values;
    out = output;
    lse = logSumExp;
    headDim = dimension;
    scale = factor;
    keyHeads = k.columns() / headDim;
    group = q.columns() / headDim / keyHeads;
    piecesOfSegment = Math.ceilDiv(layout.maxQueryCount(), QUERIES_AT_A_TIME);
    segments = layout.segments();
    segmentCount = layout.segmentCount();
  }

  private void forwardSingle(int index, int worker) {
    SingleQuery single = singles[worker];
    int heads = keyHeads * group;
    single.segment().read(segments, index / heads);
    int head = index % heads;
    single.forward(head, head / group, headDim, scale, q, k, v, out, lse);
  }

  private void forwardPiece(int index, int worker) {
    AttentionBlock block = blocks[worker];
    AttentionSegment segment = block.segment();
    segment.read(segments, index / (piecesOfSegment * keyHeads));
    int from = index / keyHeads % piecesOfSegment * QUERIES_AT_A_TIME;
    if (from < segment.queryCount()) {
      int to = Math.min(segment.queryCount(), from + QUERIES_AT_A_TIME);
      int keyHead = index % keyHeads;
      block.setHead(headDim, scale, keyHead * headDim);
      block.forward(from, to, keyHead * group, (keyHead + 1) * group, q, k, v, out, lse);
    }
  }

  /**
   * By heads of keys and values, each with the queries of its whole group in order: keys of a
   * shared prefix get gradients from several segments, and these must add up in one order.
   */
  void backward(
      Matrix queries,
      Matrix keys,
      Matrix values,
      Matrix output,
      Matrix outputGradient,
      Matrix logSumExp,
      AttentionLayout layout,
      int dimension,
      float factor,
      Matrix rowSums,
      Matrix queryGradient,
      Matrix keyGradient,
      Matrix valueGradient) {
    set(queries, keys, values, layout, dimension, factor, output, logSumExp);
    dout = outputGradient;
    delta = rowSums;
    dq = queryGradient;
    dk = keyGradient;
    dv = valueGradient;
    pool.forEach(keyHeads, backwardHead);
  }

  private void backwardHead(int keyHead, int worker) {
    AttentionBlock block = blocks[worker];
    int column = keyHead * headDim;
    block.setHead(headDim, scale, column);
    Vectors.clear(dk, column, headDim);
    Vectors.clear(dv, column, headDim);
    for (int index = 0; index < segmentCount; index++) {
      block.segment().read(segments, index);
      block.prepareBackward(k, v);
      for (int head = keyHead * group; head < (keyHead + 1) * group; head++) {
        block.backward(head, q, out, dout, lse, delta, dq);
      }
      block.finishBackward(dk, dv);
    }
  }
}
