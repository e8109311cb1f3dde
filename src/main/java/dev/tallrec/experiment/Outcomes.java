package dev.tallrec.experiment;

import dev.tallrec.tune.RunResults;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.commons.math3.stat.descriptive.moment.Mean;
import org.apache.commons.math3.stat.descriptive.moment.StandardDeviation;

/**
 * What the runs of a grid measured.
 *
 * @param byCell results of the cells that are done
 */
public record Outcomes(Map<Grid.Cell, RunResults> byCell) {

  /** Mean and standard deviation of test AUC over seeds; NaN deviation for a single seed. */
  public record Figure(double mean, double deviation, int seeds) {

    /** As AUC x 100. */
    @Override
    public String toString() {
      return seeds < 2
          ? "%.2f".formatted(100 * mean)
          : "%.2f &plusmn; %.2f".formatted(100 * mean, 100 * deviation);
    }
  }

  /** Figures by variant and K on data set {@code data}. */
  public Map<String, Map<Integer, Figure>> figures(String data) {
    Map<String, Map<Integer, List<Double>>> values = new LinkedHashMap<>();
    byCell.forEach((cell, results) ->
        values
            .computeIfAbsent(cell.variant(), variant -> new TreeMap<>())
            .computeIfAbsent(cell.k(), k -> new ArrayList<>())
            .add(auc(results, results.stages().size() - 1, data)));
    Map<String, Map<Integer, Figure>> figures = new LinkedHashMap<>();
    values.forEach((variant, byK) ->
        byK.forEach((k, list) ->
            figures.computeIfAbsent(variant, name -> new TreeMap<>()).put(k, figure(list))));
    return figures;
  }

  private static double auc(RunResults results, int stage, String data) {
    return results.stages().get(stage).on(data).test().auc();
  }

  private static Figure figure(List<Double> values) {
    double[] array = values.stream().mapToDouble(Double::doubleValue).toArray();
    return new Figure(
        new Mean().evaluate(array), new StandardDeviation().evaluate(array), array.length);
  }

  /** Test AUC of the share of liked items. */
  public double likedShare(String data) {
    RunResults any = byCell.values().iterator().next();
    RunResults.Split split = any.likedShare().get(data);
    return split == null ? Double.NaN : split.test().auc();
  }
}
