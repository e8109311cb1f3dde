package dev.tallrec.rec;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Prompts that begin with the same tokens, so that these are computed once: a user's histories at
 * successive times often do.
 *
 * @param members numbers of the prompts
 * @param shared tokens that all members begin with; at least one more is left to each
 */
record PromptGroup(List<Integer> members, int shared) {

  /** A group must save more tokens than this: another sequence, and rows to repeat, cost too. */
  private static final int LEAST_SAVED = 8;

  /** Members looked at for a group; larger ones save hardly more. */
  private static final int MOST_MEMBERS = 64;

  /**
   * Parts {@code prompts} into groups of neighbours in the order of their tokens: those that leave
   * the fewest tokens to compute.
   *
   * @param common tokens that all prompts begin with, computed elsewhere
   * @param mostTokens of a group, those before {@code common} left out; a single prompt may have
   *     more
   */
  static List<PromptGroup> of(List<int[]> prompts, int common, int mostTokens) {
    List<Integer> order =
        IntStream.range(0, prompts.size())
            .boxed()
            .sorted(Comparator.comparing(prompts::get, Arrays::compare))
            .toList();
    int count = order.size();
    // What each prompt in that order shares with the one before it.
    int[] neighbours = new int[count];
    for (int i = 1; i < count; i++) {
      neighbours[i] = sharedLength(prompts.get(order.get(i - 1)), prompts.get(order.get(i)));
    }
    // Of the first i prompts: the most tokens saved, where the last group starts, what it shares.
    int[] saved = new int[count + 1];
    int[] start = new int[count + 1];
    int[] sharedByLast = new int[count + 1];
    for (int end = 1; end <= count; end++) {
      saved[end] = saved[end - 1];
      start[end] = end - 1;
      sharedByLast[end] = common;
      int shared = Integer.MAX_VALUE;
      long all = prompts.get(order.get(end - 1)).length;
      for (int first = end - 2; first >= Math.max(0, end - MOST_MEMBERS); first--) {
        shared = Math.min(shared, neighbours[first + 1]);
        all += prompts.get(order.get(first)).length;
        int size = end - first;
        long computed = shared - common + all - (long) size * shared;
        if (shared <= common || computed > mostTokens || shared > mostTokens) {
          break;
        }
        int total = saved[first] + (size - 1) * (shared - common) - LEAST_SAVED;
        if (total > saved[end]) {
          saved[end] = total;
          start[end] = first;
          sharedByLast[end] = shared;
        }
      }
    }
    List<PromptGroup> groups = new ArrayList<>();
    for (int end = count; end > 0; end = start[end]) {
      groups.add(new PromptGroup(order.subList(start[end], end), sharedByLast[end]));
    }
    return groups.reversed();
  }

  /** Tokens that both begin with; at least one more is left to each. */
  static int sharedLength(int[] a, int[] b) {
    int most = Math.min(a.length, b.length) - 1;
    int mismatch = Arrays.mismatch(a, 0, most, b, 0, most);
    return mismatch < 0 ? most : mismatch;
  }

  /** Sequences of a batch that it takes. */
  int sequences() {
    return members.size() == 1 ? 1 : members.size() + 1;
  }

  /** Rows of a K/V cache that what its members share takes. */
  int repeatedRows() {
    return members.size() == 1 ? 0 : shared;
  }

  /** Tokens to compute, of which the first {@code common} of each prompt are none. */
  int tokens(List<int[]> prompts, int common) {
    int tokens = shared - common;
    for (int member : members) {
      tokens += prompts.get(member).length - shared;
    }
    return tokens;
  }
}
