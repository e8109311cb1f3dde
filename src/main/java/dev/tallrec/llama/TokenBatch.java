package dev.tallrec.llama;

import static dev.tallrec.backend.AttentionLayout.INTS_PER_SEGMENT;

import dev.tallrec.backend.AttentionLayout;
import java.util.Arrays;
import java.util.Objects;

/**
 * One micro-batch: sequences laid end to end without padding, which rows of it predict a labelled
 * token, and which keys each row sees. Filled, used and cleared again without allocating.
 *
 * <p>Row t of a sequence predicts token t + 1. The last block computes queries only for the rows
 * from a sequence's first predicting row to its last; {@code lastRows} lists them.
 */
public final class TokenBatch {

  /** Says that a sequence has no shared prefix. */
  public static final int NO_PREFIX = -1;

  private final int capacity;
  private final int maxSequences;
  final int[] ids;
  final int[] positions;
  final int[] segments;
  final int[] lastRows;
  final int[] lastPositions;
  final int[] lastSegments;
  final int[] labelRows;
  final int[] repeatedRows;
  final int[] targets;
  final float[] weights;

  private int tokens;
  private int sequences;
  private int maxLength;
  private int lastCount;
  private int lastSequences;
  private int lastMaxLength;
  private int labels;
  private int repeats;
  private int keyBase;
  private double labelWeight;

  /**
   * An empty batch.
   *
   * @param capacity most tokens it can hold
   * @param maxSequences most sequences it can hold
   */
  public TokenBatch(int capacity, int maxSequences) {
    if (capacity <= 0 || maxSequences <= 0) {
      throw new IllegalArgumentException(capacity + " tokens, " + maxSequences + " sequences");
    }
    this.capacity = capacity;
    this.maxSequences = maxSequences;
    ids = new int[capacity];
    positions = new int[capacity];
    segments = new int[maxSequences * INTS_PER_SEGMENT];
    lastRows = new int[capacity];
    lastPositions = new int[capacity];
    lastSegments = new int[maxSequences * INTS_PER_SEGMENT];
    labelRows = new int[capacity];
    repeatedRows = new int[capacity];
    targets = new int[capacity];
    weights = new float[capacity];
  }

  /** Empties the batch; keys of the next sequences are the batch's own rows. */
  public void clear() {
    clear(0);
  }

  /**
   * Empties the batch for use with a K/V cache: row t of the batch becomes row {@code keyBase + t}
   * of the cache.
   */
  public void clear(int keyBase) {
    tokens = 0;
    sequences = 0;
    maxLength = 0;
    lastCount = 0;
    lastSequences = 0;
    lastMaxLength = 0;
    labels = 0;
    repeats = 0;
    labelWeight = 0;
    this.keyBase = keyBase;
  }

  /** Whether {@code length} more tokens, as one sequence, fit. */
  public boolean fits(int length) {
    return length <= capacity - tokens && sequences < maxSequences;
  }

  /**
   * Whether prompts that share their first {@code shared} tokens fit: {@code tokens} in {@code
   * added} sequences, the shared ones and theirs.
   */
  public boolean fitsGroup(int tokens, int added, int shared) {
    return tokens <= capacity - this.tokens
        && added <= maxSequences - sequences
        && shared <= capacity - repeats;
  }

  /**
   * Adds a sequence for training.
   *
   * @param example ids of a whole example, its prefix included
   * @param isLabel which tokens of the example are to be predicted
   * @param from first token of the sequence itself; tokens before it are those of {@code prefix}
   * @param to end of the sequence, exclusive; token {@code to}, where there is one, is still
   *     predicted
   * @param prefix what an earlier call returned for the tokens before {@code from}, or {@link
   *     #NO_PREFIX}
   * @param weight of each label's loss
   * @return a handle to use as {@code prefix} of later sequences
   */
  public int addExample(
      int[] example, boolean[] isLabel, int from, int to, int prefix, float weight) {
    Objects.checkFromToIndex(from, to, example.length);
    int row = tokens;
    int prefixStart = 0;
    int prefixLength = 0;
    if (prefix != NO_PREFIX) {
      prefixStart = segments[prefix * INTS_PER_SEGMENT + 2];
      prefixLength = segments[prefix * INTS_PER_SEGMENT + 1];
    }
    if (prefixLength != from) {
      throw new IllegalArgumentException(
          "a sequence that starts at token "
              + from
              + " needs a prefix of as many, not "
              + prefixLength);
    }
    int handle = append(example, from, to, keyBase + row, 0, prefixStart, prefixLength);
    int first = -1;
    int last = -1;
    for (int i = from; i < to && i + 1 < example.length; i++) {
      if (isLabel[i + 1]) {
        first = first < 0 ? i : first;
        last = i;
      }
    }
    if (first >= 0) {
      int base = lastCount - first;
      for (int i = first; i <= last; i++) {
        if (isLabel[i + 1]) {
          addLabel(base + i, example[i + 1], weight);
        }
      }
      keepQueries(handle, row + first - from, last - first + 1);
    }
    return handle;
  }

  /**
   * Adds a sequence of which only the next token's distribution is wanted.
   *
   * @param prompt ids, prefix included
   * @param from first token of the sequence itself
   * @param to end, exclusive
   * @param prefixStart row in the keys where a prefix of {@code from} tokens is, all of them
   *     visible
   */
  public void addPrompt(int[] prompt, int from, int to, int prefixStart) {
    Objects.checkFromToIndex(from, to, prompt.length);
    int row = tokens;
    int handle = append(prompt, from, to, keyBase + row, 0, prefixStart, from);
    addLabel(lastCount, 0, 1);
    keepQueries(handle, row + to - from - 1, 1);
  }

  /**
   * Adds tokens that several prompts begin with, of which {@code from} are in the first rows of a
   * K/V cache. As a prefix lies in one piece, keys and values of those are repeated, after the rows
   * that the batch may fill, with the new ones behind them.
   *
   * @param prompt ids, those in the cache included
   * @param from first token added
   * @param to end of what the prompts share, exclusive
   * @return the {@code prefixStart} of the prompts that begin with these {@code to} tokens
   */
  public int addSharedTokens(int[] prompt, int from, int to) {
    Objects.checkFromToIndex(from, to, prompt.length);
    if (from > keyBase || !fitsGroup(to - from, 1, to)) {
      throw new IllegalArgumentException(
          "no room for %d shared tokens after %d of a K/V cache's first %d"
              .formatted(to, from, keyBase));
    }
    int start = firstRepeat() + repeats;
    int row = tokens;
    append(prompt, from, to, keyBase + row, 0, 0, from);
    for (int i = 0; i < to; i++) {
      repeatedRows[repeats++] = i < from ? i : keyBase + row + i - from;
    }
    return start;
  }

  /**
   * Adds tokens that continue a sequence whose {@code before} earlier tokens are in a K/V cache
   * from row {@code cacheStart} on. The distribution after the last of them is wanted.
   */
  public void addContinuation(int[] tokenIds, int from, int to, int cacheStart, int before) {
    Objects.checkFromToIndex(from, to, tokenIds.length);
    if (cacheStart + before != keyBase + tokens) {
      throw new IllegalArgumentException("a continuation must follow its sequence in the cache");
    }
    int row = tokens;
    int handle = append(tokenIds, from, to, cacheStart, before, 0, 0);
    addLabel(lastCount, 0, 1);
    keepQueries(handle, row + to - from - 1, 1);
  }

  /** Adds a sequence whose distribution after each of its tokens is wanted. */
  public void addForAllLogits(int[] sequence, int from, int to) {
    Objects.checkFromToIndex(from, to, sequence.length);
    int row = tokens;
    int handle = append(sequence, from, to, keyBase + row, 0, 0, 0);
    for (int i = 0; i < to - from; i++) {
      addLabel(lastCount + i, 0, 1);
    }
    keepQueries(handle, row, to - from);
  }

  private int append(
      int[] source, int from, int to, int keyStart, int before, int prefixStart, int prefixLength) {
    int length = to - from;
    if (length == 0) {
      throw new IllegalArgumentException("an empty sequence");
    }
    if (!fits(length)) {
      throw new IllegalArgumentException(
          "%d tokens more than fit: the batch holds %d of %d tokens, %d of %d sequences"
              .formatted(length, tokens, capacity, sequences, maxSequences));
    }
    System.arraycopy(source, from, ids, tokens, length);
    for (int i = 0; i < length; i++) {
      positions[tokens + i] = before + prefixLength + i;
    }
    segment(segments, sequences, tokens, length, keyStart, before, prefixStart, prefixLength);
    tokens += length;
    maxLength = Math.max(maxLength, length);
    return sequences++;
  }

  private void addLabel(int lastRow, int target, float weight) {
    labelRows[labels] = lastRow;
    targets[labels] = target;
    weights[labels] = weight;
    labelWeight += weight;
    labels++;
  }

  /** Makes rows {@code firstRow} on, of sequence {@code handle}, queries of the last block. */
  private void keepQueries(int handle, int firstRow, int count) {
    int s = handle * INTS_PER_SEGMENT;
    segment(
        lastSegments,
        lastSequences,
        lastCount,
        count,
        segments[s + 2],
        segments[s + 3] + firstRow - segments[s],
        segments[s + 4],
        segments[s + 5]);
    for (int i = 0; i < count; i++) {
      lastRows[lastCount + i] = firstRow + i;
      lastPositions[lastCount + i] = positions[firstRow + i];
    }
    lastCount += count;
    lastSequences++;
    lastMaxLength = Math.max(lastMaxLength, count);
  }

  private static void segment(
      int[] segments,
      int index,
      int queryStart,
      int queryCount,
      int keyStart,
      int causalOffset,
      int prefixStart,
      int prefixLength) {
    int s = index * INTS_PER_SEGMENT;
    segments[s] = queryStart;
    segments[s + 1] = queryCount;
    segments[s + 2] = keyStart;
    segments[s + 3] = causalOffset;
    segments[s + 4] = prefixStart;
    segments[s + 5] = prefixLength;
  }

  /** Most tokens it can hold. */
  public int capacity() {
    return capacity;
  }

  /** Most sequences it can hold. */
  public int maxSequences() {
    return maxSequences;
  }

  /** Tokens it holds: T. */
  public int tokens() {
    return tokens;
  }

  /** Sequences it holds, shared prefixes among them. */
  public int sequences() {
    return sequences;
  }

  int maxLength() {
    return maxLength;
  }

  int keyBase() {
    return keyBase;
  }

  /** Rows of a K/V cache that are repeated from row {@link #firstRepeat} on. */
  int repeats() {
    return repeats;
  }

  /** The row of a K/V cache after all rows that the batch may fill. */
  private int firstRepeat() {
    return keyBase + capacity;
  }

  /** Rows of keys and values in use, whether a K/V cache's or the batch's own. */
  int keyRows() {
    return repeats == 0 ? keyBase + tokens : firstRepeat() + repeats;
  }

  /** Rows the last block computes queries for. */
  int lastCount() {
    return lastCount;
  }

  int lastSequences() {
    return lastSequences;
  }

  int lastMaxLength() {
    return lastMaxLength;
  }

  /** Pairs of a query and a key that it sees. */
  long pairs() {
    return AttentionLayout.pairs(segments, sequences);
  }

  /** The same of the last block. */
  long lastPairs() {
    return AttentionLayout.pairs(lastSegments, lastSequences);
  }

  /** Rows whose logits are computed: L. */
  public int labels() {
    return labels;
  }

  /** Sum of the labels' weights: what a mean loss divides by. */
  public double labelWeight() {
    return labelWeight;
  }

  /**
   * Checks that ids and positions are ones the model has.
   *
   * @throws IllegalArgumentException naming the first that is not
   */
  void check(LlamaConfig config, int maxPositions) {
    for (int t = 0; t < tokens; t++) {
      if (ids[t] < 0 || ids[t] >= config.vocabSize()) {
        throw new IllegalArgumentException(
            "token id %d is not in the vocabulary of %d: is this the model's tokenizer?"
                .formatted(ids[t], config.vocabSize()));
      }
      if (positions[t] >= maxPositions) {
        throw new IllegalArgumentException(
            "a sequence of more than %d tokens, the most that can be computed with this model: use a smaller cutoff"
                .formatted(maxPositions));
      }
    }
    for (int i = 0; i < labels; i++) {
      if (targets[i] < 0 || targets[i] >= config.vocabSize()) {
        throw new IllegalArgumentException(
            "label %d is not in the vocabulary of %d".formatted(targets[i], config.vocabSize()));
      }
    }
  }

  @Override
  public String toString() {
    return "%d tokens in %d sequences, %d labels, last rows %s"
        .formatted(tokens, sequences, labels, Arrays.toString(Arrays.copyOf(lastRows, lastCount)));
  }
}
