package dev.tallrec.rec;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.ToDoubleFunction;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import org.apache.commons.math3.stat.descriptive.rank.Percentile;

/**
 * A 95 % confidence interval over users: examples of one user are not independent, so users are
 * drawn with replacement, not examples (Efron's percentile bootstrap). Always the same for the same
 * data.
 *
 * @param low 2.5th percentile
 * @param high 97.5th percentile
 */
public record Interval(double low, double high) {

  private static final int RESAMPLES = 1000;

  /**
   * Interval of an AUC.
   *
   * @return empty unless all users are known and there are at least two
   */
  public static Optional<Interval> overUsers(Auc auc, List<RecExample> examples) {
    return over(examples, auc::weighted);
  }

  /**
   * Interval of {@code first} - {@code second}, AUCs of two models on the same examples, in each
   * draw of the same users. Where it holds no zero the models differ by more than the choice of
   * users explains.
   *
   * @return empty unless all users are known and there are at least two
   */
  public static Optional<Interval> ofDifference(Auc first, Auc second, List<RecExample> examples) {
    return over(examples, times -> first.weighted(times) - second.weighted(times));
  }

  /** Whether {@code value} lies between the ends or on one. */
  public boolean holds(double value) {
    return low <= value && value <= high;
  }

  /**
   * Interval of what is measured on examples of which each counts so many times; NaN where it
   * cannot be measured.
   */
  private static Optional<Interval> over(
      List<RecExample> examples, ToDoubleFunction<int[]> measured) {
    if (examples.stream().anyMatch(example -> example.user().isEmpty())) {
      return Optional.empty();
    }
    Map<Integer, Integer> numbers = new HashMap<>();
    int[] userOf = new int[examples.size()];
    for (int i = 0; i < userOf.length; i++) {
      int next = numbers.size();
      userOf[i] = numbers.computeIfAbsent(examples.get(i).user().getAsInt(), user -> next);
    }
    int users = numbers.size();
    if (users < 2) {
      return Optional.empty();
    }
    RandomGenerator random = RandomGeneratorFactory.of("L64X128MixRandom").create(0);
    double[] values = new double[RESAMPLES];
    int[] times = new int[userOf.length];
    int filled = 0;
    // A draw of users that all like everything has no AUC and is drawn again; give up if most are
    // such.
    for (int draw = 0; filled < RESAMPLES && draw < 10 * RESAMPLES; draw++) {
      int[] drawn = new int[users];
      for (int i = 0; i < users; i++) {
        drawn[random.nextInt(users)]++;
      }
      for (int i = 0; i < times.length; i++) {
        times[i] = drawn[userOf[i]];
      }
      double value = measured.applyAsDouble(times);
      if (!Double.isNaN(value)) {
        values[filled++] = value;
      }
    }
    if (filled < RESAMPLES) {
      return Optional.empty();
    }
    Percentile percentile = new Percentile();
    percentile.setData(values);
    return Optional.of(new Interval(percentile.evaluate(2.5), percentile.evaluate(97.5)));
  }
}
