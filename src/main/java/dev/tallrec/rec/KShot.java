package dev.tallrec.rec;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Few-shot samples as the paper's scripts draw them: the first K of a shuffled train set. */
public final class KShot {

  private KShot() {}

  /**
   * Row numbers of the sample: {@code numpy.random.default_rng(seed).permutation(rows)[:k]}.
   *
   * @throws IllegalArgumentException if there are not so many rows
   */
  public static int[] indices(int rows, int k, long seed) {
    if (k < 1 || k > rows) {
      throw new IllegalArgumentException("K = " + k + " of a train set of " + rows);
    }
    return Arrays.copyOf(new NumpyRandom(seed).permutation(rows), k);
  }

  /** The sample itself. */
  public static <T> List<T> sample(List<T> train, int k, long seed) {
    List<T> sample = new ArrayList<>();
    for (int index : indices(train.size(), k, seed)) {
      sample.add(train.get(index));
    }
    return sample;
  }
}
