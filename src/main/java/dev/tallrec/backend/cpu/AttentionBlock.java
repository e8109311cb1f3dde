package dev.tallrec.backend.cpu;

import dev.tallrec.backend.AttentionLayout;
import dev.tallrec.backend.Matrix;
import dev.tallrec.tensor.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Attention of some queries of one head within a segment. Scores of the prefix come first, then
 * those of the segment's own keys. Each thread has one, set anew for each block.
 */
final class AttentionBlock {

  private final Scratch scratch;
  private final Gemm.Operand left = new Gemm.Operand();
  private final Gemm.Operand right = new Gemm.Operand();
  private int queryStart;
  private int queryCount;
  private int keyStart;
  private int causalOffset;
  private int prefixStart;
  private int prefix;
  private int from;
  private int to;
  private int head;
  private int queryColumn;
  private int keyColumn;
  private int headDim;
  private float scale;

  AttentionBlock(Scratch scratch) {
    this.scratch = scratch;
  }

  void setSegment(MemorySegment ints, long first, int index) {
    long at = first + (long) index * AttentionLayout.INTS_PER_SEGMENT;
    queryStart = get(ints, at);
    queryCount = get(ints, at + 1);
    keyStart = get(ints, at + 2);
    causalOffset = get(ints, at + 3);
    prefixStart = get(ints, at + 4);
    prefix = get(ints, at + 5);
  }

  private static int get(MemorySegment ints, long index) {
    return ints.getAtIndex(ValueLayout.JAVA_INT_UNALIGNED, index);
  }

  int queryCount() {
    return queryCount;
  }

  /** Queries {@code first} to {@code end}, exclusive, of the segment. */
  void setQueries(int first, int end, int ofHead) {
    from = first;
    to = end;
    head = ofHead;
  }

  /** Where the head's columns are in queries and in keys. */
  void setHead(int columnOfQueries, int columnOfKeys, int columns, float factor) {
    queryColumn = columnOfQueries;
    keyColumn = columnOfKeys;
    headDim = columns;
    scale = factor;
  }

  /** Own keys that queries up to {@code query} of the segment, exclusive, see between them. */
  private int ownKeys(int query) {
    return causalOffset + query;
  }

  private int keys() {
    return prefix + ownKeys(to);
  }

  private int firstRow() {
    return queryStart + from;
  }

  void forward(Matrix q, Matrix k, Matrix v, Matrix out, Matrix lse) {
    int keys = keys();
    MemorySegment scores = scratch.floats(0, (long) Gemm.ROW_BLOCK * keys);
    scores(q, k, scale, scores);
    MemorySegment sums = HostBuffer.of(lse);
    for (int query = from; query < to; query++) {
      long at = (long) (query - from) * keys * Float.BYTES;
      int seen = prefix + ownKeys(query + 1);
      float value = Softmax.row(scores, at, seen, keys);
      Vectors.set(sums, Vectors.at(lse, head), queryStart + query, value);
    }
    product(scores, v, out);
  }

  /** scores[query][key] = factor * q . k. */
  private void scores(Matrix q, Matrix k, float factor, MemorySegment scores) {
    left.of(q, firstRow(), queryColumn);
    if (prefix > 0) {
      right.transposed(k, prefixStart, keyColumn);
      scores(factor, prefix, scores, 0);
    }
    right.transposed(k, keyStart, keyColumn);
    scores(factor, ownKeys(to), scores, prefix);
  }

  private void scores(float factor, int count, MemorySegment scores, int firstColumn) {
    Gemm.single(
        scratch.panels(),
        to - from,
        count,
        headDim,
        factor,
        left,
        right,
        scores,
        firstColumn,
        keys(),
        false);
  }

  /** target = weights x values, where weights are [queries, prefix | own keys]. */
  private void product(MemorySegment weights, Matrix values, Matrix target) {
    if (prefix > 0) {
      left.set(weights, DType.F32, 0, keys(), 1);
      right.of(values, prefixStart, keyColumn);
      product(prefix, target, false);
    }
    left.set(weights, DType.F32, prefix, keys(), 1);
    right.of(values, keyStart, keyColumn);
    product(ownKeys(to), target, prefix > 0);
  }

  private void product(int count, Matrix target, boolean add) {
    Gemm.single(
        scratch.panels(),
        to - from,
        headDim,
        count,
        1,
        left,
        right,
        HostBuffer.of(target),
        target.offset() + (long) firstRow() * target.stride() + queryColumn,
        target.stride(),
        add);
  }

  /** delta = row sums of out * dout. */
  void rowSums(Matrix out, Matrix dout, Matrix delta) {
    MemorySegment os = HostBuffer.of(out);
    MemorySegment ds = HostBuffer.of(dout);
    MemorySegment sums = HostBuffer.of(delta);
    long column = (long) queryColumn * Float.BYTES;
    for (int row = firstRow(); row < queryStart + to; row++) {
      float sum =
          Vectors.dot(
              os, Vectors.at(out, row) + column, ds, Vectors.at(dout, row) + column, headDim);
      Vectors.set(sums, Vectors.at(delta, head), row, sum);
    }
  }

  void backward(
      Matrix q,
      Matrix k,
      Matrix v,
      Matrix dout,
      Matrix lse,
      Matrix delta,
      Matrix dq,
      Matrix dk,
      Matrix dv) {
    int keys = keys();
    MemorySegment weights = scratch.floats(0, (long) Gemm.ROW_BLOCK * keys);
    MemorySegment gradients = scratch.floats(1, (long) Gemm.ROW_BLOCK * keys);
    scores(q, k, scale, weights);
    scores(dout, v, 1, gradients);
    for (int query = from; query < to; query++) {
      long at = (long) (query - from) * keys * Float.BYTES;
      int seen = prefix + ownKeys(query + 1);
      int row = queryStart + query;
      Softmax.gradientRow(
          weights,
          gradients,
          at,
          seen,
          keys,
          Vectors.get(HostBuffer.of(lse), Vectors.at(lse, head), row),
          Vectors.get(HostBuffer.of(delta), Vectors.at(delta, head), row),
          scale);
    }
    product(gradients, k, dq);
    addTransposed(gradients, q, dk);
    addTransposed(weights, dout, dv);
  }

  /** target += weights^T x the block's rows: what they give to every key. */
  private void addTransposed(MemorySegment weights, Matrix rows, Matrix target) {
    right.of(rows, firstRow(), queryColumn);
    if (prefix > 0) {
      left.set(weights, DType.F32, 0, 1, keys());
      addTransposed(prefix, prefixStart, target);
    }
    left.set(weights, DType.F32, prefix, 1, keys());
    addTransposed(ownKeys(to), keyStart, target);
  }

  private void addTransposed(int count, int row, Matrix target) {
    Gemm.single(
        scratch.panels(),
        count,
        headDim,
        to - from,
        1,
        left,
        right,
        HostBuffer.of(target),
        target.offset() + (long) row * target.stride() + keyColumn,
        target.stride(),
        true);
  }
}
