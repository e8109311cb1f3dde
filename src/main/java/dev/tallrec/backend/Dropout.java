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
 * <p>Every micro-batch {@link #set}s it anew, so that a step makes no garbage; operations read it
 * only until they return.
 */
public final class Dropout {

  /** No dropout. */
  public static final Dropout NONE = new Dropout(0, 0, 0);

  private final int stream;
  private float probability;
  private long seed;

  /**
   * Dropout with a mask.
   *
   * @param probability share of elements dropped, in [0, 1); 0 turns dropout off
   * @param seed changes with every micro-batch
   * @param stream tells the modules of a model apart
   * @throws IllegalArgumentException if the probability is not in [0, 1)
   */
  public Dropout(float probability, long seed, int stream) {
    this.stream = stream;
    this.probability = checked(probability);
    this.seed = seed;
  }

  private static float checked(float probability) {
    if (!(probability >= 0 && probability < 1)) {
      throw new IllegalArgumentException("dropout " + probability + " is not in [0, 1)");
    }
    return probability;
  }

  /**
   * Changes the mask to that of another micro-batch.
   *
   * @throws IllegalArgumentException if the probability is not in [0, 1)
   * @throws UnsupportedOperationException if this is {@link #NONE}
   */
  public void set(float newProbability, long newSeed) {
    if (this == NONE) {
      throw new UnsupportedOperationException("no dropout stays none");
    }
    probability = checked(newProbability);
    seed = newSeed;
  }

  public float probability() {
    return probability;
  }

  public long seed() {
    return seed;
  }

  public int stream() {
    return stream;
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
