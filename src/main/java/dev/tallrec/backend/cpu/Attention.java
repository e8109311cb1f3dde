package dev.tallrec.backend.cpu;

import dev.tallrec.backend.AttentionLayout;
import dev.tallrec.backend.Indices;
import dev.tallrec.backend.Matrix;
import java.lang.foreign.MemorySegment;

/**
 * Softmax attention and its gradient, by blocks of queries of a head whose scores stay in cache.
 */
final class Attention {

  private static final int QUERY_BLOCK = Gemm.ROW_BLOCK;
  private static final Matrix NONE = RowOperation.NO_MATRIX;

  private final WorkerPool pool;
  private final AttentionBlock[] blocks;
  private final WorkerPool.Task forwardBlock = this::forwardBlock;
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
  private MemorySegment segments = MemorySegment.NULL;
  private long firstSegment;
  private int segmentCount;
  private int headDim;
  private int heads;
  private int group;
  private int blocksOfSegment;
  private float scale;

  Attention(WorkerPool pool, Scratch[] scratch) {
    this.pool = pool;
    blocks = new AttentionBlock[scratch.length];
    for (int worker = 0; worker < blocks.length; worker++) {
      blocks[worker] = new AttentionBlock(scratch[worker]);
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
    pool.forEach(segmentCount * blocksOfSegment * heads, forwardBlock);
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
    heads = q.columns() / headDim;
    group = heads / (k.columns() / headDim);
    blocksOfSegment = Math.ceilDiv(layout.maxQueryCount(), QUERY_BLOCK);
    Indices ints = layout.segments();
    segments = HostBuffer.of(ints.buffer());
    firstSegment = ints.offset();
    segmentCount = layout.segmentCount();
  }

  private void forwardBlock(int index, int worker) {
    AttentionBlock block = blocks[worker];
    block.setSegment(segments, firstSegment, index / (blocksOfSegment * heads));
    int from = index / heads % blocksOfSegment * QUERY_BLOCK;
    if (from < block.queryCount()) {
      int head = index % heads;
      block.setQueries(from, Math.min(block.queryCount(), from + QUERY_BLOCK), head);
      block.setHead(head * headDim, head / group * headDim, headDim, scale);
      block.forward(q, k, v, out, lse);
    }
  }

  /**
   * By K/V heads, each with the queries of its whole group in order: keys of a shared prefix get
   * gradients from several segments, and these must add up in one order.
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
    pool.forEach(heads / group, backwardHead);
  }

  private void backwardHead(int kvHead, int worker) {
    AttentionBlock block = blocks[worker];
    int kvColumn = kvHead * headDim;
    Vectors.clear(dk, kvColumn, headDim);
    Vectors.clear(dv, kvColumn, headDim);
    for (int index = 0; index < segmentCount; index++) {
      block.setSegment(segments, firstSegment, index);
      for (int head = kvHead * group; head < (kvHead + 1) * group; head++) {
        block.setHead(head * headDim, kvColumn, headDim, scale);
        for (int from = 0; from < block.queryCount(); from += QUERY_BLOCK) {
          block.setQueries(from, Math.min(block.queryCount(), from + QUERY_BLOCK), head);
          block.rowSums(out, dout, delta);
          block.backward(q, k, v, dout, lse, delta, dq, dk, dv);
        }
      }
    }
  }
}
