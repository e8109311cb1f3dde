package dev.tallrec.rec;

import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;

/**
 * Area under the ROC curve: the chance that a liked example scores higher than a disliked one, ties
 * counting half (Hanley and McNeil, "The meaning and use of the area under a ROC curve", 1982), as
 * scikit-learn's roc_auc_score computes it.
 */
public final class Auc {

  private final double[] scores;
  private final boolean[] liked;
  private final int[] ascending;

  /**
   * Prepares to rank {@code scores}.
   *
   * @throws IllegalArgumentException if a score is NaN, or all examples have the same label
   */
  public Auc(double[] scores, boolean[] liked) {
    if (scores.length != liked.length) {
      throw new IllegalArgumentException(scores.length + " scores, " + liked.length + " labels");
    }
    for (int i = 0; i < scores.length; i++) {
      if (Double.isNaN(scores[i])) {
        throw new IllegalArgumentException("the score of example " + (i + 1) + " is NaN");
      }
    }
    this.scores = scores.clone();
    this.liked = liked.clone();
    this.ascending =
        IntStream.range(0, scores.length)
            .boxed()
            .sorted(Comparator.comparingDouble(i -> scores[i]))
            .mapToInt(Integer::intValue)
            .toArray();
    if (Double.isNaN(value())) {
      throw new IllegalArgumentException(
          "AUC needs liked and disliked examples; all %d are %s"
              .formatted(liked.length, liked.length > 0 && liked[0] ? "liked" : "disliked"));
    }
  }

  /** AUC of {@code scores}. */
  public static double of(double[] scores, boolean[] liked) {
    return new Auc(scores, liked).value();
  }

  /** AUC over all examples. */
  public double value() {
    int[] once = new int[scores.length];
    Arrays.fill(once, 1);
    return weighted(once);
  }

  /** AUC with example i counted {@code times[i]} times; NaN if only one label is left. */
  double weighted(int[] times) {
    double pairs = 0;
    long likedBelow = 0;
    long dislikedBelow = 0;
    int i = 0;
    while (i < ascending.length) {
      double score = scores[ascending[i]];
      long likedHere = 0;
      long dislikedHere = 0;
      for (; i < ascending.length && scores[ascending[i]] == score; i++) {
        int example = ascending[i];
        if (liked[example]) {
          likedHere += times[example];
        } else {
          dislikedHere += times[example];
        }
      }
      pairs += likedHere * (dislikedBelow + 0.5 * dislikedHere);
      likedBelow += likedHere;
      dislikedBelow += dislikedHere;
    }
    return likedBelow == 0 || dislikedBelow == 0
        ? Double.NaN
        : pairs / ((double) likedBelow * dislikedBelow);
  }
}
