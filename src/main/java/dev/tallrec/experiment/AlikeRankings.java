package dev.tallrec.experiment;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import org.apache.commons.math3.stat.correlation.PearsonsCorrelation;
import org.apache.commons.math3.stat.ranking.NaturalRanking;

/**
 * Variants that rank the rows of a test set all but alike. A reader must not take their figures for
 * findings of two models.
 */
final class AlikeRankings {

  private static final double ALIKE = 0.999;

  private final TestSet test;
  private final Map<Grid.Cell, double[]> ranks = new HashMap<>();

  private AlikeRankings(TestSet test) {
    this.test = test;
  }

  /** A sentence for each variant that ranks as one before it does, with every seed of both. */
  static List<String> of(TestSet test) {
    AlikeRankings rankings = new AlikeRankings(test);
    List<String> variants = List.copyOf(test.byVariant().keySet());
    List<String> sentences = new ArrayList<>();
    for (int i = 1; i < variants.size(); i++) {
      rankings.sentence(variants.get(i), variants.subList(0, i)).ifPresent(sentences::add);
    }
    return sentences;
  }

  private Optional<String> sentence(String variant, List<String> before) {
    for (String other : before) {
      OptionalDouble least = leastCorrelation(variant, other);
      if (least.isPresent() && least.getAsDouble() >= ALIKE) {
        return Optional.of(
            test.title(
                "%s ranks the rows as %s does (rank correlation %.4f or more): not two findings."
                    .formatted(variant, other, Math.floor(least.getAsDouble() * 1e4) / 1e4)));
      }
    }
    return Optional.empty();
  }

  /** Spearman's, over the seeds that both have; empty without any, NaN if all scores are equal. */
  private OptionalDouble leastCorrelation(String variant, String other) {
    List<Double> correlations = new ArrayList<>();
    for (Grid.Cell cell : test.byVariant().getOrDefault(variant, List.of())) {
      for (Grid.Cell one : test.byVariant().getOrDefault(other, List.of())) {
        if (one.seed() == cell.seed()) {
          correlations.add(new PearsonsCorrelation().correlation(ranks(cell), ranks(one)));
        }
      }
    }
    return correlations.stream().mapToDouble(Double::doubleValue).min();
  }

  private double[] ranks(Grid.Cell cell) {
    return ranks.computeIfAbsent(cell, key -> new NaturalRanking().rank(test.scores(key)));
  }
}
