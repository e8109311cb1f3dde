package dev.tallrec.benchmarks;

import java.util.Arrays;
import java.util.SplittableRandom;

/** Tokens that mark nothing, the same for the same seed. */
final class RandomTokens {

  /** Those below mark beginnings, ends and the unknown. */
  static final int FIRST = 3;

  private final SplittableRandom random;
  private final int vocabSize;

  RandomTokens(int vocabSize, long seed) {
    this.random = new SplittableRandom(seed);
    this.vocabSize = vocabSize;
  }

  /** So many tokens. */
  int[] of(int length) {
    return after(new int[0], length);
  }

  /** So many tokens, of which the first are those of {@code beginning}. */
  int[] after(int[] beginning, int length) {
    int[] ids = Arrays.copyOf(beginning, length);
    for (int at = beginning.length; at < length; at++) {
      ids[at] = random.nextInt(FIRST, vocabSize);
    }
    return ids;
  }

  /** A length from {@code shortest} to {@code longest}. */
  int length(int shortest, int longest) {
    return random.nextInt(shortest, longest + 1);
  }
}
