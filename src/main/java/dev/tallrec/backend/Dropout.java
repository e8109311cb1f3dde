package dev.tallrec.backend;

/**
 * LoRA dropout whose mask is a function of (seed, stream, row, column) through Philox 4x32-10, so
 * that forward, recomputation and backward see the same mask and nothing is stored (Salmon et al.,
 * "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
 *
 * <p>Element (row, column) is kept when word {@code column % 4} of philox(key = seed, counter =
 * (column / 4, row, stream, 0)), as an unsigned 32-bit number, is at least {@link #threshold}; kept
 * elements are multiplied by {@link #keepScale}.
 *
 * @param probability share of elements dropped, in [0, 1); 0 turns dropout off
 * @param seed changes with every micro-batch
 * @param stream tells the modules of a model apart
 */
public record Dropout(float probability, long seed, int stream) {

  /** No dropout. */
  public static final Dropout NONE = new Dropout(0, 0, 0);

  /** Throws {@link IllegalArgumentException} if the probability is not in [0, 1). */
  public Dropout {
    if (!(probability >= 0 && probability < 1)) {
      throw new IllegalArgumentException("dropout " + probability + " is not in [0, 1)");
    }
  }

  public boolean isActive() {
    return probability > 0;
  }

  /** probability * 2^32, as the bits of an unsigned int. */
  public int threshold() {
    return (int) (long) (probability * 0x1p32);
  }

  /** 1 / (1 - probability). */
  public float keepScale() {
    return 1 / (1 - probability);
  }
}
