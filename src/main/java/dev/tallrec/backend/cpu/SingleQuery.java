package dev.tallrec.backend.cpu;

import dev.tallrec.backend.Matrix;
import java.lang.foreign.MemorySegment;

/**
 * Attention of queries one by one, along keys and values as they lie in memory: for decoding, and
 * for last tokens, where most columns of a block would be empty.
 */
final class SingleQuery {

  private final AttentionSegment segment = new AttentionSegment();
  private final Scratch scratch;

  SingleQuery(Scratch scratch) {
    this.scratch = scratch;
  }

  AttentionSegment segment() {
    return segment;
  }

  /**
   * Attends with all of the segment's queries, one after the other.
   *
   * @param head of the queries
   * @param keyHead of the keys and values
   */
  void forward(
      int head,
      int keyHead,
      int headDim,
      float scale,
      Matrix q,
      Matrix k,
      Matrix v,
      Matrix out,
      Matrix lse) {
    for (int query = 0; query < segment.queryCount(); query++) {
      float value = attend(query, head * headDim, keyHead * headDim, headDim, scale, q, k, v, out);
      int row = segment.queryStart() + query;
      Vectors.set(HostBuffer.of(lse), Vectors.at(lse, head), row, value);
    }
  }

  /** One query; returns log-sum-exp of its scores. */
  private float attend(
      int query,
      int column,
      int keyColumn,
      int headDim,
      float scale,
      Matrix q,
      Matrix k,
      Matrix v,
      Matrix out) {
    int row = segment.queryStart() + query;
    int keys = segment.keysSeenBy(query);
    MemorySegment weights = scratch.floats(keys);
    long queryAt = Vectors.at(q, row) + (long) column * Float.BYTES;
    scores(keys, HostBuffer.of(q), queryAt, k, keyColumn, headDim, scale, weights);
    float lse = Softmax.row(weights, keys);
    long outAt = Vectors.at(out, row) + (long) column * Float.BYTES;
    Vectors.clear(HostBuffer.of(out), outAt, headDim);
    mix(keys, weights, v, keyColumn, headDim, HostBuffer.of(out), outAt);
    return lse;
  }

  private void scores(
      int keys,
      MemorySegment query,
      long queryAt,
      Matrix k,
      int keyColumn,
      int headDim,
      float scale,
      MemorySegment weights) {
    MemorySegment ks = HostBuffer.of(k);
    for (int key = 0; key < keys; key++) {
      long at = Vectors.at(k, segment.row(key)) + (long) keyColumn * Float.BYTES;
      Vectors.set(weights, 0, key, scale * Vectors.dot(query, queryAt, ks, at, headDim));
    }
  }

  private void mix(
      int keys,
      MemorySegment weights,
      Matrix v,
      int keyColumn,
      int headDim,
      MemorySegment target,
      long targetAt) {
    MemorySegment vs = HostBuffer.of(v);
    for (int key = 0; key < keys; key++) {
      long at = Vectors.at(v, segment.row(key)) + (long) keyColumn * Float.BYTES;
      Vectors.addScaled(Vectors.get(weights, 0, key), vs, at, target, targetAt, headDim);
    }
  }
}
