package dev.tallrec.backend.cpu;

import dev.tallrec.backend.AttentionLayout;
import dev.tallrec.backend.Matrix;
import dev.tallrec.tensor.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;

/**
 * Softmax attention and its gradient, by blocks of queries of a head whose scores stay in cache.
 * Scores of the prefix come first, then those of the segment's own keys.
 */
final class Attention {

  private static final int QUERY_BLOCK = Gemm.ROW_BLOCK;

  private final WorkerPool pool;
  private final Scratch[] scratch;

  Attention(WorkerPool pool, Scratch[] scratch) {
    this.pool = pool;
    this.scratch = scratch;
  }

  /** Segment {@code index} of a layout. */
  private record Segment(
      int queryStart,
      int queryCount,
      int keyStart,
      int causalOffset,
      int prefixStart,
      int prefixLength) {

    static Segment of(AttentionLayout layout, int index) {
      MemorySegment ints = HostBuffer.of(layout.segments().buffer());
      long at = layout.segments().offset() + (long) index * AttentionLayout.INTS_PER_SEGMENT;
      return new Segment(
          get(ints, at),
          get(ints, at + 1),
          get(ints, at + 2),
          get(ints, at + 3),
          get(ints, at + 4),
          get(ints, at + 5));
    }

    private static int get(MemorySegment ints, long index) {
      return ints.getAtIndex(ValueLayout.JAVA_INT_UNALIGNED, index);
    }

    /** Own keys that queries up to {@code query} of the segment, exclusive, see between them. */
    int ownKeys(int query) {
      return causalOffset + query;
    }
  }

  void forward(
      Matrix q,
      Matrix k,
      Matrix v,
      AttentionLayout layout,
      int headDim,
      float scale,
      Matrix out,
      Matrix lse) {
    int heads = q.columns() / headDim;
    int group = heads / (k.columns() / headDim);
    int blocks = Math.ceilDiv(layout.maxQueryCount(), QUERY_BLOCK);
    pool.forEach(
        layout.segmentCount() * blocks * heads,
        (index, worker) -> {
          Segment segment = Segment.of(layout, index / (blocks * heads));
          int from = index / heads % blocks * QUERY_BLOCK;
          int to = Math.min(segment.queryCount, from + QUERY_BLOCK);
          if (from < to) {
            int head = index % heads;
            forwardBlock(
                scratch[worker],
                segment,
                from,
                to,
                head(q, head, headDim),
                head(k, head / group, headDim),
                head(v, head / group, headDim),
                scale,
                head(out, head, headDim),
                lse.rows(head, 1));
          }
        });
  }

  private static Matrix head(Matrix matrix, int head, int headDim) {
    return matrix.columns(head * headDim, headDim);
  }

  private static void forwardBlock(
      Scratch scratch,
      Segment segment,
      int from,
      int to,
      Matrix q,
      Matrix k,
      Matrix v,
      float scale,
      Matrix out,
      Matrix lse) {
    int keys = segment.prefixLength + segment.ownKeys(to);
    MemorySegment scores = scratch.floats(0, (long) QUERY_BLOCK * keys);
    scores(scratch, segment, from, to, q, k, scale, scores);
    for (int query = from; query < to; query++) {
      long at = (long) (query - from) * keys * Float.BYTES;
      int seen = segment.prefixLength + segment.ownKeys(query + 1);
      float value = softmax(scores, at, seen, keys);
      Vectors.set(HostBuffer.of(lse), Vectors.at(lse, 0), segment.queryStart + query, value);
    }
    Matrix rows = out.rows(segment.queryStart + from, to - from);
    product(scratch, segment, to, scores, keys, v, rows);
  }

  /** scores[query][key] = scale * q . k. */
  private static void scores(
      Scratch scratch,
      Segment segment,
      int from,
      int to,
      Matrix q,
      Matrix k,
      float scale,
      MemorySegment scores) {
    int prefix = segment.prefixLength;
    int own = segment.ownKeys(to);
    Gemm.Operand queries = Gemm.Operand.of(q.rows(segment.queryStart + from, to - from));
    if (prefix > 0) {
      Gemm.single(
          scratch.panels(),
          to - from,
          prefix,
          q.columns(),
          scale,
          queries,
          Gemm.Operand.transposed(k.rows(segment.prefixStart, prefix)),
          scores,
          0,
          prefix + own,
          false);
    }
    Gemm.single(
        scratch.panels(),
        to - from,
        own,
        q.columns(),
        scale,
        queries,
        Gemm.Operand.transposed(k.rows(segment.keyStart, own)),
        scores,
        prefix,
        prefix + own,
        false);
  }

  /** target = weights x values, where weights are [queries, prefix | own keys]. */
  private static void product(
      Scratch scratch,
      Segment segment,
      int to,
      MemorySegment weights,
      int keys,
      Matrix values,
      Matrix target) {
    int prefix = segment.prefixLength;
    if (prefix > 0) {
      Gemm.single(
          scratch.panels(),
          target.rows(),
          target.columns(),
          prefix,
          1,
          new Gemm.Operand(weights, DType.F32, 0, keys, 1),
          Gemm.Operand.of(values.rows(segment.prefixStart, prefix)),
          HostBuffer.of(target),
          target.offset(),
          target.stride(),
          false);
    }
    Gemm.single(
        scratch.panels(),
        target.rows(),
        target.columns(),
        segment.ownKeys(to),
        1,
        new Gemm.Operand(weights, DType.F32, prefix, keys, 1),
        Gemm.Operand.of(values.rows(segment.keyStart, segment.ownKeys(to))),
        HostBuffer.of(target),
        target.offset(),
        target.stride(),
        prefix > 0);
  }

  /** target += weights^T x rows: what {@code rows} of the queries give to every key. */
  private static void addTransposed(
      Scratch scratch,
      Segment segment,
      int to,
      MemorySegment weights,
      int keys,
      Matrix rows,
      Matrix target) {
    int prefix = segment.prefixLength;
    if (prefix > 0) {
      Matrix part = target.rows(segment.prefixStart, prefix);
      Gemm.single(
          scratch.panels(),
          prefix,
          target.columns(),
          rows.rows(),
          1,
          new Gemm.Operand(weights, DType.F32, 0, 1, keys),
          Gemm.Operand.of(rows),
          HostBuffer.of(part),
          part.offset(),
          part.stride(),
          true);
    }
    Matrix part = target.rows(segment.keyStart, segment.ownKeys(to));
    Gemm.single(
        scratch.panels(),
        part.rows(),
        target.columns(),
        rows.rows(),
        1,
        new Gemm.Operand(weights, DType.F32, prefix, 1, keys),
        Gemm.Operand.of(rows),
        HostBuffer.of(part),
        part.offset(),
        part.stride(),
        true);
  }

  /**
   * Replaces the first {@code seen} scores by their softmax, the others by 0; returns log-sum-exp.
   */
  private static float softmax(MemorySegment scores, long at, int seen, int keys) {
    float max = Vectors.max(scores, at, seen);
    FloatVector maxima = FloatVector.broadcast(Vectors.FLOATS, max);
    FloatVector sums = FloatVector.zero(Vectors.FLOATS);
    int i = 0;
    for (; i <= seen - Vectors.LANES; i += Vectors.LANES) {
      FloatVector value = VectorMath.exp(Vectors.load(scores, at, i).sub(maxima));
      Vectors.store(value, scores, at, i);
      sums = sums.add(value);
    }
    float sum = Vectors.sum(sums);
    for (; i < seen; i++) {
      float value = VectorMath.exp(Vectors.get(scores, at, i) - max);
      Vectors.set(scores, at, i, value);
      sum += value;
    }
    Vectors.scale(1 / sum, scores, at, seen);
    clear(scores, at, seen, keys);
    return max + (float) Math.log(sum);
  }

  private static void clear(MemorySegment values, long at, int from, int to) {
    values.asSlice(at + (long) from * Float.BYTES, (long) (to - from) * Float.BYTES).fill((byte) 0);
  }

  /**
   * By K/V heads, each with the queries of its whole group in order: keys of a shared prefix get
   * gradients from several segments, and these must add up in one order.
   */
  void backward(
      Matrix q,
      Matrix k,
      Matrix v,
      Matrix out,
      Matrix dout,
      Matrix lse,
      AttentionLayout layout,
      int headDim,
      float scale,
      Matrix delta,
      Matrix dq,
      Matrix dk,
      Matrix dv) {
    int kvHeads = k.columns() / headDim;
    int group = q.columns() / headDim / kvHeads;
    pool.forEach(
        kvHeads,
        (kvHead, worker) -> {
          Matrix keys = head(k, kvHead, headDim);
          Matrix values = head(v, kvHead, headDim);
          Matrix keyGradients = head(dk, kvHead, headDim);
          Matrix valueGradients = head(dv, kvHead, headDim);
          Vectors.clear(keyGradients);
          Vectors.clear(valueGradients);
          for (int index = 0; index < layout.segmentCount(); index++) {
            Segment segment = Segment.of(layout, index);
            for (int head = kvHead * group; head < (kvHead + 1) * group; head++) {
              deltas(
                  segment,
                  head(out, head, headDim),
                  head(dout, head, headDim),
                  delta.rows(head, 1));
              for (int from = 0; from < segment.queryCount; from += QUERY_BLOCK) {
                int to = Math.min(segment.queryCount, from + QUERY_BLOCK);
                backwardBlock(
                    scratch[worker],
                    segment,
                    from,
                    to,
                    head(q, head, headDim),
                    keys,
                    values,
                    head(dout, head, headDim),
                    lse.rows(head, 1),
                    delta.rows(head, 1),
                    scale,
                    head(dq, head, headDim),
                    keyGradients,
                    valueGradients);
              }
            }
          }
        });
  }

  private static void deltas(Segment segment, Matrix out, Matrix dout, Matrix delta) {
    for (int row = segment.queryStart; row < segment.queryStart + segment.queryCount; row++) {
      float sum =
          Vectors.dot(
              HostBuffer.of(out),
              Vectors.at(out, row),
              HostBuffer.of(dout),
              Vectors.at(dout, row),
              out.columns());
      Vectors.set(HostBuffer.of(delta), Vectors.at(delta, 0), row, sum);
    }
  }

  private static void backwardBlock(
      Scratch scratch,
      Segment segment,
      int from,
      int to,
      Matrix q,
      Matrix k,
      Matrix v,
      Matrix dout,
      Matrix lse,
      Matrix delta,
      float scale,
      Matrix dq,
      Matrix dk,
      Matrix dv) {
    int first = segment.queryStart + from;
    int keys = segment.prefixLength + segment.ownKeys(to);
    MemorySegment weights = scratch.floats(0, (long) QUERY_BLOCK * keys);
    MemorySegment gradients = scratch.floats(1, (long) QUERY_BLOCK * keys);
    scores(scratch, segment, from, to, q, k, scale, weights);
    scores(scratch, segment, from, to, dout, v, 1, gradients);
    for (int query = from; query < to; query++) {
      long at = (long) (query - from) * keys * Float.BYTES;
      int seen = segment.prefixLength + segment.ownKeys(query + 1);
      int row = segment.queryStart + query;
      softmaxGradient(
          weights,
          gradients,
          at,
          seen,
          Vectors.get(HostBuffer.of(lse), Vectors.at(lse, 0), row),
          Vectors.get(HostBuffer.of(delta), Vectors.at(delta, 0), row),
          scale);
      clear(weights, at, seen, keys);
      clear(gradients, at, seen, keys);
    }
    product(scratch, segment, to, gradients, keys, k, dq.rows(first, to - from));
    addTransposed(scratch, segment, to, gradients, keys, q.rows(first, to - from), dk);
    addTransposed(scratch, segment, to, weights, keys, dout.rows(first, to - from), dv);
  }

  /** weights = exp(scores - lse), gradients = scale * weights * (gradients - delta). */
  private static void softmaxGradient(
      MemorySegment weights,
      MemorySegment gradients,
      long at,
      int seen,
      float lse,
      float delta,
      float scale) {
    int i = 0;
    for (; i <= seen - Vectors.LANES; i += Vectors.LANES) {
      FloatVector weight = VectorMath.exp(Vectors.load(weights, at, i).sub(lse));
      Vectors.store(weight, weights, at, i);
      FloatVector gradient = Vectors.load(gradients, at, i).sub(delta).mul(weight).mul(scale);
      Vectors.store(gradient, gradients, at, i);
    }
    for (; i < seen; i++) {
      float weight = VectorMath.exp(Vectors.get(weights, at, i) - lse);
      Vectors.set(weights, at, i, weight);
      Vectors.set(gradients, at, i, (Vectors.get(gradients, at, i) - delta) * weight * scale);
    }
  }
}
