package dev.tallrec.backend.cpu;

import dev.tallrec.backend.Dropout;
import java.lang.foreign.MemorySegment;

/** The dropout mask made of Philox 4x32-10; see {@link Dropout} for the contract. */
final class Philox {

  private static final long MULTIPLIER_0 = 0xD2511F53L;
  private static final long MULTIPLIER_1 = 0xCD9E8D57L;
  private static final int WEYL_0 = 0x9E3779B9;
  private static final int WEYL_1 = 0xBB67AE85;
  private static final int ROUNDS = 10;
  private static final long UNSIGNED = 0xFFFFFFFFL;

  private Philox() {}

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
    long threshold = dropout.threshold() & UNSIGNED;
    float scale = dropout.keepScale();
    int seed0 = (int) dropout.seed();
    int seed1 = (int) (dropout.seed() >>> 32);
    for (int i = 0; i < columns; i += 4) {
      int c0 = i / 4;
      int c1 = row;
      int c2 = dropout.stream();
      int c3 = 0;
      int key0 = seed0;
      int key1 = seed1;
      for (int round = 0; round < ROUNDS; round++) {
        long product0 = MULTIPLIER_0 * (c0 & UNSIGNED);
        long product1 = MULTIPLIER_1 * (c2 & UNSIGNED);
        c0 = (int) (product1 >>> 32) ^ c1 ^ key0;
        c1 = (int) product1;
        c2 = (int) (product0 >>> 32) ^ c3 ^ key1;
        c3 = (int) product0;
        key0 += WEYL_0;
        key1 += WEYL_1;
      }
      drop(c0, threshold, scale, x, xAt, out, outAt, i, columns);
      drop(c1, threshold, scale, x, xAt, out, outAt, i + 1, columns);
      drop(c2, threshold, scale, x, xAt, out, outAt, i + 2, columns);
      drop(c3, threshold, scale, x, xAt, out, outAt, i + 3, columns);
    }
  }

  private static void drop(
      int word,
      long threshold,
      float scale,
      MemorySegment x,
      long xAt,
      MemorySegment out,
      long outAt,
      int column,
      int columns) {
    if (column < columns) {
      float factor = (word & UNSIGNED) >= threshold ? scale : 0;
      Vectors.set(out, outAt, column, Vectors.get(x, xAt, column) * factor);
    }
  }
}
