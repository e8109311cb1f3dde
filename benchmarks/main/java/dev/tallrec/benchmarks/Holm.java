package dev.tallrec.benchmarks;

import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;

/** Holm's correction of the p values of several tests. */
final class Holm {

  private Holm() {}

  /** The smallest p times the number of tests, the next times one fewer, never falling. */
  static double[] corrected(double[] p) {
    int[] order =
        IntStream.range(0, p.length)
            .boxed()
            .sorted(Comparator.comparingDouble(i -> p[i]))
            .mapToInt(Integer::intValue)
            .toArray();
    double[] corrected = Arrays.copyOf(p, p.length);
    double largest = 0;
    for (int rank = 0; rank < order.length; rank++) {
      largest = Math.max(largest, Math.min(1, p[order[rank]] * (p.length - rank)));
      corrected[order[rank]] = largest;
    }
    return corrected;
  }
}
