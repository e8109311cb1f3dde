package dev.tallrec.backend;

import java.util.Objects;

/**
 * Which keys each query sees. A layout is a list of segments, {@value #INTS_PER_SEGMENT} ints each
 * in device memory, in this order:
 *
 * <ol start="0">
 *   <li>{@code queryStart}: first row of the segment in q and out
 *   <li>{@code queryCount}: rows of the segment in q and out
 *   <li>{@code keyStart}: first row in k and v of the segment's own keys
 *   <li>{@code causalOffset}: own keys that the first query sees before its own position; query i
 *       (from 0) sees own keys {@code keyStart .. keyStart + causalOffset + i}
 *   <li>{@code prefixStart}: first row in k and v of a prefix that all queries see whole
 *   <li>{@code prefixLength}: rows of that prefix, 0 for none
 * </ol>
 *
 * <p>This one form covers packed training (causalOffset 0, keyStart = queryStart), a last block
 * that has queries at label positions only, a prompt prefix shared by several examples, and
 * decoding from a K/V cache (queryCount 1, causalOffset = tokens before). Segments cover disjoint
 * rows of q; own keys of different segments are disjoint; a prefix is the own keys of another
 * segment or keys of none.
 *
 * @param segments the ints
 * @param segmentCount number of segments in use
 * @param queryRows rows of q and out that the segments cover together
 * @param keyRows rows of k and v in use
 * @param maxQueryCount the largest queryCount
 * @param pairs of a query and a key that it sees, counted once for all heads
 */
public record AttentionLayout(
    Indices segments, int segmentCount, int queryRows, int keyRows, int maxQueryCount, long pairs) {

  /** Ints that describe a segment. */
  public static final int INTS_PER_SEGMENT = 6;

  /** Throws {@link IndexOutOfBoundsException} if there are fewer ints than segments need. */
  public AttentionLayout {
    Objects.checkFromIndexSize(0, segmentCount * INTS_PER_SEGMENT, segments.count());
  }

  /** The {@link #pairs} of the first {@code count} of segments that lie in the host's memory. */
  public static long pairs(int[] segments, int count) {
    long pairs = 0;
    for (int at = 0; at < count * INTS_PER_SEGMENT; at += INTS_PER_SEGMENT) {
      long queries = segments[at + 1];
      pairs += queries * (segments[at + 3] + segments[at + 5]) + queries * (queries + 1) / 2;
    }
    return pairs;
  }

  /**
   * Floating-point operations, 2 a multiply-add, of {@code products} that have one element, or one
   * row summed up, for each pair and head: attention makes 2 (scores and outputs), its gradient 5.
   *
   * @param queryWidth heads * headDim
   */
  public double flop(int products, int queryWidth) {
    return 2.0 * products * queryWidth * pairs;
  }
}
