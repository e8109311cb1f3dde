package dev.tallrec.backend.cpu;

import dev.tallrec.backend.Dropout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * The dropout mask made of Philox 4x32-10; see {@link Dropout} for the contract.
 *
 * <p>Each 64-bit lane holds one counter's 32-bit word, since products of words need 64 bits. Bits
 * 32 to 63 of a word are anything: what reads a word clears them.
 */
final class Philox {

  /** Columns whose bits share a word of a mask. */
  static final int COLUMNS_PER_WORD = Long.SIZE;

  static final ValueLayout.OfLong WORD = ValueLayout.JAVA_LONG_UNALIGNED;

  private static final int WORDS = 4;
  private static final VectorSpecies<Long> LONGS = VectorSpecies.of(long.class, shape());
  private static final int BLOCKS = LONGS.length();
  private static final int COLUMNS = WORDS * BLOCKS;
  private static final LongVector LANES = LongVector.zero(LONGS).addIndex(1);

  private static final long MULTIPLIER_0 = 0xD2511F53L;
  private static final long MULTIPLIER_1 = 0xCD9E8D57L;
  private static final int WEYL_0 = 0x9E3779B9;
  private static final int WEYL_1 = 0xBB67AE85;
  private static final int ROUNDS = 10;
  private static final long UNSIGNED = 0xFFFFFFFFL;

  private Philox() {}

  /** The shape of {@link Vectors#FLOATS}, but not so wide that a mask's word has bits left over. */
  private static VectorShape shape() {
    VectorShape widest = VectorShape.S_512_BIT;
    VectorShape floats = Vectors.FLOATS.vectorShape();
    return floats.vectorBitSize() > widest.vectorBitSize() ? widest : floats;
  }

  /**
   * Writes the row's mask: bit {@code column % 64} of word {@code column / 64} is set where the
   * column is kept. Bits beyond the last column are anything.
   */
  static void keptColumns(Dropout dropout, int row, MemorySegment mask, long at, int columns) {
    int threshold = dropout.threshold();
    for (int column = 0; column < columns; column += COLUMNS_PER_WORD) {
      long word = 0;
      for (int part = 0; part < COLUMNS_PER_WORD; part += COLUMNS) {
        int block = (column + part) / WORDS;
        word |= kept(dropout.seed(), block, row, dropout.stream(), threshold) << part;
      }
      mask.set(WORD, at + column / Byte.SIZE, word);
    }
  }

  /** Bit i tells whether column 4 * block + i is kept, for as many columns as one pass yields. */
  private static long kept(long seed, int block, int row, int stream, int threshold) {
    LongVector low = LongVector.broadcast(LONGS, UNSIGNED);
    // The compiler multiplies 32 by 32 bits where it sees that both sides have no more.
    LongVector multiplier0 = LongVector.broadcast(LONGS, MULTIPLIER_0).and(low);
    LongVector multiplier1 = LongVector.broadcast(LONGS, MULTIPLIER_1).and(low);
    LongVector c0 = LANES.add(LongVector.broadcast(LONGS, block));
    LongVector c1 = LongVector.broadcast(LONGS, row);
    LongVector c2 = LongVector.broadcast(LONGS, stream);
    LongVector c3 = LongVector.zero(LONGS);
    LongVector key0 = LongVector.broadcast(LONGS, seed);
    LongVector key1 = LongVector.broadcast(LONGS, seed >>> 32);
    // Two rounds a time, and keys in vectors: the compiler then unrolls all of them. It takes an
    // operand that comes around a loop for one of 64 bits.
    for (int round = 0; round < ROUNDS; round += 2) {
      LongVector product0 = c0.and(low).mul(multiplier0);
      LongVector product1 = c2.and(low).mul(multiplier1);
      LongVector next0 =
          high(product1).lanewise(VectorOperators.XOR, c1).lanewise(VectorOperators.XOR, key0);
      LongVector next2 =
          high(product0).lanewise(VectorOperators.XOR, c3).lanewise(VectorOperators.XOR, key1);
      key0 = key0.add(WEYL_0);
      key1 = key1.add(WEYL_1);
      c3 = next0.and(low).mul(multiplier0);
      c1 = next2.and(low).mul(multiplier1);
      c0 = high(c1).lanewise(VectorOperators.XOR, product1).lanewise(VectorOperators.XOR, key0);
      c2 = high(c3).lanewise(VectorOperators.XOR, product0).lanewise(VectorOperators.XOR, key1);
      key0 = key0.add(WEYL_0);
      key1 = key1.add(WEYL_1);
    }
    return inOrder(atLeast(threshold, c0, c1) | atLeast(threshold, c2, c3) << 32);
  }

  /** The upper 32 bits of products. */
  private static LongVector high(LongVector product) {
    return product.lanewise(VectorOperators.LSHR, 32);
  }

  /** Bits 2 i and 2 i + 1 tell of lane i of both vectors whether its word is at least as large. */
  private static long atLeast(int threshold, LongVector even, LongVector odd) {
    LongVector low = even.and(LongVector.broadcast(LONGS, UNSIGNED));
    return low.or(odd.lanewise(VectorOperators.LSHL, 32))
        .reinterpretAsInts()
        .compare(VectorOperators.UGE, threshold)
        .toLong();
  }

  /** Pairs of bits, one of the lower half and one of the upper in turn: the order of columns. */
  private static long inOrder(long halves) {
    long spread = (halves | halves << 8) & 0x00FF_00FF_00FF_00FFL;
    spread = (spread | spread << 4) & 0x0F0F_0F0F_0F0F_0F0FL;
    spread = (spread | spread << 2) & 0x3333_3333_3333_3333L;
    return (spread | spread >>> 30) & UNSIGNED;
  }
}
