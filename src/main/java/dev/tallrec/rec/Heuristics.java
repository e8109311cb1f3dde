package dev.tallrec.rec;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;

/** Scores that need no model: what any model has to beat. */
public final class Heuristics {

  private Heuristics() {}

  /**
   * A rule's scores.
   *
   * @param name what it takes for the score
   * @param scores of the examples
   */
  public record Rule(String name, double[] scores) {}

  /** The rules that look at an example's history, as far as the examples have one. */
  public static List<Rule> ofHistories(List<RecExample> examples) {
    List<Rule> rules = new ArrayList<>();
    likedShares(examples)
        .ifPresent(shares -> rules.add(new Rule("share of liked items in history", shares)));
    lastLabels(examples)
        .ifPresent(labels -> rules.add(new Rule("last item of history liked", labels)));
    return rules;
  }

  /**
   * The rules that know how liked targets are, as far as the examples name theirs.
   *
   * @param train examples that say so
   */
  public static List<Rule> ofTargets(List<RecExample> examples, List<RecExample> train) {
    Optional<double[]> rates = targetRates(examples, train);
    if (rates.isEmpty()) {
      return List.of();
    }
    List<Rule> rules = new ArrayList<>();
    rules.add(new Rule("target's like-rate", rates.get()));
    likedShares(examples)
        .ifPresent(shares -> {
          double[] sums = rates.get().clone();
          for (int i = 0; i < sums.length; i++) {
            sums[i] += shares[i];
          }
          rules.add(new Rule("share of liked items + like-rate", sums));
        });
    return rules;
  }

  /** The share of liked items in each visible history; empty if an example does not show one. */
  static Optional<double[]> likedShares(List<RecExample> examples) {
    double[] shares = new double[examples.size()];
    for (int i = 0; i < shares.length; i++) {
      OptionalDouble share = likedShare(examples.get(i));
      if (share.isEmpty()) {
        return Optional.empty();
      }
      shares[i] = share.getAsDouble();
    }
    return Optional.of(shares);
  }

  /** 1 where the latest item of the history was liked; empty unless all orders are known. */
  private static Optional<double[]> lastLabels(List<RecExample> examples) {
    double[] labels = new double[examples.size()];
    for (int i = 0; i < labels.length; i++) {
      String order = examples.get(i).order();
      if (order.isEmpty()) {
        return Optional.empty();
      }
      labels[i] = order.endsWith("1") ? 1 : 0;
    }
    return Optional.of(labels);
  }

  private static OptionalDouble likedShare(RecExample example) {
    Optional<Question> question = Question.parse(example.text());
    return question.isPresent() ? question.get().likedShare() : OptionalDouble.empty();
  }

  private static Optional<String> target(RecExample example) {
    return Question.parse(example.text()).map(Question::target);
  }

  /** Likes and rows of an item as target. */
  private record Count(int likes, int rows) {
    Count plus(boolean liked) {
      return new Count(likes + (liked ? 1 : 0), rows + 1);
    }
  }

  /** How often each target is liked where it is a train row's target; the mean rate for others. */
  private static Optional<double[]> targetRates(List<RecExample> examples, List<RecExample> train) {
    Map<String, Count> counts = new HashMap<>();
    Count all = new Count(0, 0);
    for (RecExample example : train) {
      Optional<String> target = target(example);
      if (target.isEmpty()) {
        return Optional.empty();
      }
      all = all.plus(example.liked());
      counts.put(
          target.get(), counts.getOrDefault(target.get(), new Count(0, 0)).plus(example.liked()));
    }
    double[] rates = new double[examples.size()];
    for (int i = 0; i < rates.length; i++) {
      Optional<String> target = target(examples.get(i));
      if (target.isEmpty()) {
        return Optional.empty();
      }
      Count count = counts.getOrDefault(target.get(), all);
      rates[i] = (double) count.likes() / count.rows();
    }
    return Optional.of(rates);
  }
}
