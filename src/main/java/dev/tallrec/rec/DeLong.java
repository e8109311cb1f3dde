package dev.tallrec.rec;

import java.util.Arrays;
import org.apache.commons.math3.distribution.NormalDistribution;

/**
 * Whether two models' AUCs on the same examples differ: DeLong, DeLong and Clarke-Pearson,
 * "Comparing the areas under two or more correlated receiver operating characteristic curves",
 * Biometrics 1988. Takes examples for independent, which those of one user are not: the interval
 * over users is the more careful judge.
 *
 * @param difference first AUC - second AUC
 * @param standardError of it
 * @param p two-sided; 1 where both rank alike
 */
public record DeLong(double difference, double standardError, double p) {

  /**
   * Compares two models.
   *
   * @throws IllegalArgumentException if labels are all the same or lengths differ
   */
  public static DeLong compare(boolean[] liked, double[] first, double[] second) {
    double difference = Auc.of(first, liked) - Auc.of(second, liked);
    Components a = Components.of(liked, first);
    Components b = Components.of(liked, second);
    double variance =
        varianceOfDifference(a.ofLiked, b.ofLiked)
            + varianceOfDifference(a.ofDisliked, b.ofDisliked);
    double error = Math.sqrt(variance);
    double p =
        error == 0
            ? (difference == 0 ? 1 : 0)
            : 2 * new NormalDistribution().cumulativeProbability(-Math.abs(difference) / error);
    return new DeLong(difference, error, p);
  }

  /** Sample variance of a - b, divided by their number. */
  private static double varianceOfDifference(double[] a, double[] b) {
    int n = a.length;
    if (n < 2) {
      return 0;
    }
    double mean = 0;
    for (int i = 0; i < n; i++) {
      mean += (a[i] - b[i]) / n;
    }
    double sum = 0;
    for (int i = 0; i < n; i++) {
      double deviation = a[i] - b[i] - mean;
      sum += deviation * deviation;
    }
    return sum / (n - 1) / n;
  }

  /** For each example, the share of examples of the other label that it is on the right side of. */
  private record Components(double[] ofLiked, double[] ofDisliked) {

    static Components of(boolean[] liked, double[] scores) {
      int n = scores.length;
      int likes = 0;
      for (boolean label : liked) {
        likes += label ? 1 : 0;
      }
      double[] ofLiked = new double[likes];
      double[] ofDisliked = new double[n - likes];
      double[] sortedLiked = sorted(liked, scores, true, likes);
      double[] sortedDisliked = sorted(liked, scores, false, n - likes);
      int nextLiked = 0;
      int nextDisliked = 0;
      for (int i = 0; i < n; i++) {
        if (liked[i]) {
          ofLiked[nextLiked++] = shareBelow(sortedDisliked, scores[i]);
        } else {
          ofDisliked[nextDisliked++] = 1 - shareBelow(sortedLiked, scores[i]);
        }
      }
      return new Components(ofLiked, ofDisliked);
    }

    private static double[] sorted(boolean[] liked, double[] scores, boolean label, int count) {
      double[] some = new double[count];
      int next = 0;
      for (int i = 0; i < scores.length; i++) {
        if (liked[i] == label) {
          some[next++] = scores[i];
        }
      }
      Arrays.sort(some);
      return some;
    }

    /** Share of values below {@code score}, equal ones counting half. */
    private static double shareBelow(double[] ascending, double score) {
      int below = bound(ascending, score, false);
      int notAbove = bound(ascending, score, true);
      return (below + 0.5 * (notAbove - below)) / ascending.length;
    }

    private static int bound(double[] ascending, double score, boolean after) {
      int low = 0;
      int high = ascending.length;
      while (low < high) {
        int middle = (low + high) >>> 1;
        if (ascending[middle] < score || (after && ascending[middle] == score)) {
          low = middle + 1;
        } else {
          high = middle;
        }
      }
      return low;
    }
  }
}
