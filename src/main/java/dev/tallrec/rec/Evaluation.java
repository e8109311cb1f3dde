package dev.tallrec.rec;

import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * How good scores of examples are.
 *
 * @param auc over all examples
 * @param interval of it over users; null where these are not known
 * @param answerMass mean of pYes + pNo: how far the model answers the question at all; NaN for
 *     scores that no model gave
 * @param examples how many
 */
public record Evaluation(double auc, @Nullable Interval interval, double answerMass, int examples) {

  /** Of a model's scores. */
  public static Evaluation of(List<RecExample> examples, List<Taste> tastes) {
    double[] scores = tastes.stream().mapToDouble(Taste::score).toArray();
    double mass =
        tastes.stream().mapToDouble(taste -> taste.yes() + taste.no()).average().orElseThrow();
    return of(examples, scores, mass);
  }

  /** Of any scores that no model gave. */
  public static Evaluation of(List<RecExample> examples, double[] scores) {
    return of(examples, scores, Double.NaN);
  }

  /**
   * Of the baseline without parameters: the share of liked items in the visible history. Empty if
   * an example does not show one.
   */
  public static Optional<Evaluation> ofLikedShare(List<RecExample> examples) {
    return Heuristics.likedShares(examples).map(scores -> of(examples, scores));
  }

  private static Evaluation of(List<RecExample> examples, double[] scores, double mass) {
    Auc auc = new Auc(scores, RecExample.labels(examples));
    return new Evaluation(
        auc.value(), Interval.overUsers(auc, examples).orElse(null), mass, examples.size());
  }
}
