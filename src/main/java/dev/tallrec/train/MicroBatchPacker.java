package dev.tallrec.train;

import dev.tallrec.llama.TokenBatch;
import dev.tallrec.text.LabelledTokens;
import java.util.ArrayList;
import java.util.List;

/**
 * Fills micro-batches with examples end to end, without padding, and holds a prompt prefix that all
 * examples of a micro-batch begin with only once.
 *
 * <p>Of a common prefix of n tokens n - 1 are shared: the row of the last shared token predicts a
 * token that is common, too, so its label counts once with the weight of all.
 */
public final class MicroBatchPacker {

  /** Below this many common tokens sharing is not worth its bookkeeping. */
  private static final int SHORTEST_PREFIX = 8;

  private final int maxTokens;
  private final boolean sharePrefix;

  /**
   * A packer.
   *
   * @param maxTokens most tokens in a micro-batch
   * @param sharePrefix whether to compute common prompt prefixes once
   */
  public MicroBatchPacker(int maxTokens, boolean sharePrefix) {
    this.maxTokens = maxTokens;
    this.sharePrefix = sharePrefix;
  }

  /**
   * Splits {@code examples}, in order, into groups that fit a micro-batch each.
   *
   * @throws IllegalArgumentException if one alone does not fit
   */
  public List<List<LabelledTokens>> split(List<LabelledTokens> examples) {
    List<List<LabelledTokens>> groups = new ArrayList<>();
    List<LabelledTokens> group = new ArrayList<>();
    int tokens = 0;
    for (LabelledTokens example : examples) {
      int length = example.ids().length;
      if (length > maxTokens) {
        throw new IllegalArgumentException(
            "an example of %d tokens does not fit a micro-batch of %d: raise micro_batch_tokens"
                .formatted(length, maxTokens));
      }
      if (tokens + length > maxTokens) {
        groups.add(group);
        group = new ArrayList<>();
        tokens = 0;
      }
      group.add(example);
      tokens += length;
    }
    if (!group.isEmpty()) {
      groups.add(group);
    }
    return groups;
  }

  /** Fills {@code batch} with one group of {@link #split}. */
  public void fill(TokenBatch batch, List<LabelledTokens> group) {
    batch.clear();
    int shared = sharePrefix ? sharedLength(group) : 0;
    int prefix = TokenBatch.NO_PREFIX;
    if (shared > 0) {
      LabelledTokens first = group.getFirst();
      prefix =
          batch.addExample(
              first.ids(), first.isLabel(), 0, shared, TokenBatch.NO_PREFIX, group.size());
    }
    for (LabelledTokens example : group) {
      batch.addExample(example.ids(), example.isLabel(), shared, example.ids().length, prefix, 1);
    }
  }

  /**
   * Sequences that {@link #fill} makes of a group at most: one an example, and what they begin
   * with. Each has a token of its own.
   *
   * @param examples of a group at most, whether they fit a micro-batch or not
   */
  public int maxSequences(int examples) {
    return Math.min(examples, maxTokens - 1) + 1;
  }

  private static int sharedLength(List<LabelledTokens> group) {
    if (group.size() < 2) {
      return 0;
    }
    LabelledTokens first = group.getFirst();
    int common = first.ids().length;
    for (LabelledTokens other : group) {
      int limit = Math.min(common, other.ids().length);
      int i = 0;
      while (i < limit
          && other.ids()[i] == first.ids()[i]
          && other.isLabel()[i] == first.isLabel()[i]) {
        i++;
      }
      common = i;
    }
    int shared = common - 1;
    return shared < SHORTEST_PREFIX ? 0 : shared;
  }
}
