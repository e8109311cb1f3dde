package dev.tallrec.backend.cpu;

import dev.tallrec.backend.Dropout;
import java.lang.foreign.MemorySegment;

/** Philox 4x32-10 and the dropout mask made of it; see {@link Dropout} for the contract. */
final class Philox {

  private static final int MULTIPLIER_0 = 0xD2511F53;
  private static final int MULTIPLIER_1 = 0xCD9E8D57;
  private static final int WEYL_0 = 0x9E3779B9;
  private static final int WEYL_1 = 0xBB67AE85;
  private static final int ROUNDS = 10;

  private Philox() {}

  /** Replaces the four words of {@code counter} by random ones. */
  static void generate(long key, int[] counter) {
    int key0 = (int) key;
    int key1 = (int) (key >>> 32);
    for (int round = 0; round < ROUNDS; round++) {
      long product0 = unsignedProduct(MULTIPLIER_0, counter[0]);
      long product1 = unsignedProduct(MULTIPLIER_1, counter[2]);
      counter[0] = (int) (product1 >>> 32) ^ counter[1] ^ key0;
      counter[2] = (int) (product0 >>> 32) ^ counter[3] ^ key1;
      counter[1] = (int) product1;
      counter[3] = (int) product0;
      key0 += WEYL_0;
      key1 += WEYL_1;
    }
  }

  private static long unsignedProduct(int a, int b) {
    return Integer.toUnsignedLong(a) * Integer.toUnsignedLong(b);
  }

  /**
   * out[i] = x[i] where the mask keeps it, times 1 / (1 - p); else 0. {@code out} may be {@code x}.
   */
  static void dropRow(
      Dropout dropout,
      int row,
      MemorySegment x,
      long xAt,
      MemorySegment out,
      long outAt,
      int columns) {
    int[] words = new int[4];
    int threshold = dropout.threshold();
    float scale = dropout.keepScale();
    for (int i = 0; i < columns; i += 4) {
      words[0] = i / 4;
      words[1] = row;
      words[2] = dropout.stream();
      words[3] = 0;
      generate(dropout.seed(), words);
      for (int j = 0; j < 4 && i + j < columns; j++) {
        boolean kept = Integer.compareUnsigned(words[j], threshold) >= 0;
        Vectors.set(out, outAt, i + j, kept ? Vectors.get(x, xAt, i + j) * scale : 0);
      }
    }
  }
}
