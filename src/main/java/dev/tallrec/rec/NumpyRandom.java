package dev.tallrec.rec;

import java.math.BigInteger;

/**
 * What numpy.random.default_rng(seed).permutation(n) gives: PCG64 (O'Neill, "PCG: a family of
 * simple fast space-efficient statistically good algorithms for random number generation", 2014),
 * seeded through numpy's SeedSequence.
 */
final class NumpyRandom {

  private static final int POOL = 4;
  private static final int INIT_A = 0x43b0d7e5;
  private static final int MULTIPLIER_A = 0x931e8875;
  private static final int INIT_B = 0x8b51f9dd;
  private static final int MULTIPLIER_B = 0x58f38ded;
  private static final int MIX_LEFT = 0xca01f9dd;
  private static final int MIX_RIGHT = 0x4973f715;
  private static final BigInteger MULTIPLIER =
      new BigInteger("2360ED051FC65DA44385DF649FCCF645", 16);
  private static final BigInteger MODULUS = BigInteger.ONE.shiftLeft(128);

  private final BigInteger increment;
  private BigInteger state;
  private int spare;
  private boolean hasSpare;
  private int hash;

  /** A generator like default_rng(seed), seed not negative. */
  NumpyRandom(long seed) {
    if (seed < 0) {
      throw new IllegalArgumentException("seed " + seed + " is negative");
    }
    long[] words = seedSequence(seed);
    BigInteger initial = join(words[0], words[1]);
    increment = join(words[2], words[3]).shiftLeft(1).or(BigInteger.ONE).mod(MODULUS);
    state = BigInteger.ZERO;
    step();
    state = state.add(initial).mod(MODULUS);
    step();
  }

  private static BigInteger join(long high, long low) {
    return unsigned(high).shiftLeft(64).or(unsigned(low));
  }

  private static BigInteger unsigned(long value) {
    return new BigInteger(Long.toUnsignedString(value));
  }

  private long[] seedSequence(long seed) {
    int[] entropy = {(int) seed, (int) (seed >>> 32), 0, 0};
    int[] pool = new int[POOL];
    hash = INIT_A;
    for (int i = 0; i < POOL; i++) {
      pool[i] = hashed(entropy[i]);
    }
    for (int source = 0; source < POOL; source++) {
      for (int target = 0; target < POOL; target++) {
        if (source != target) {
          pool[target] = mixed(pool[target], hashed(pool[source]));
        }
      }
    }
    int[] out = new int[2 * POOL];
    int constant = INIT_B;
    for (int i = 0; i < out.length; i++) {
      int value = pool[i % POOL] ^ constant;
      constant *= MULTIPLIER_B;
      value *= constant;
      out[i] = value ^ (value >>> 16);
    }
    long[] words = new long[POOL];
    for (int i = 0; i < POOL; i++) {
      words[i] = Integer.toUnsignedLong(out[2 * i]) | (long) out[2 * i + 1] << 32;
    }
    return words;
  }

  private int hashed(int value) {
    int result = value ^ hash;
    hash *= MULTIPLIER_A;
    result *= hash;
    return result ^ (result >>> 16);
  }

  private static int mixed(int x, int y) {
    int result = MIX_LEFT * x - MIX_RIGHT * y;
    return result ^ (result >>> 16);
  }

  private void step() {
    state = state.multiply(MULTIPLIER).add(increment).mod(MODULUS);
  }

  private long nextLong() {
    step();
    long high = state.shiftRight(64).longValue();
    long low = state.longValue();
    return Long.rotateRight(high ^ low, (int) (high >>> 58));
  }

  private int nextInt() {
    if (hasSpare) {
      hasSpare = false;
      return spare;
    }
    long value = nextLong();
    spare = (int) (value >>> 32);
    hasSpare = true;
    return (int) value;
  }

  /**
   * Uniform in 0 to {@code largest}, both included: random bits, again until they are small enough.
   */
  private int nextBounded(int largest) {
    int mask = largest == 0 ? 0 : -1 >>> Integer.numberOfLeadingZeros(largest);
    int value = nextInt() & mask;
    while (value > largest) {
      value = nextInt() & mask;
    }
    return value;
  }

  /** A permutation of 0 to n - 1. */
  int[] permutation(int n) {
    int[] result = new int[n];
    for (int i = 0; i < n; i++) {
      result[i] = i;
    }
    for (int i = n - 1; i > 0; i--) {
      int j = nextBounded(i);
      int swapped = result[i];
      result[i] = result[j];
      result[j] = swapped;
    }
    return result;
  }
}
