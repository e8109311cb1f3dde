package dev.tallrec.experiment;

import dev.tallrec.rec.RecExample;
import dev.tallrec.report.Study;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/** The rows that a model got most wrong. */
final class Mistakes {

  private static final int EACH = 3;

  private Mistakes() {}

  /** The disliked rows with the highest scores and the liked ones with the lowest. */
  static List<Study.Mistake> worst(String model, List<RecExample> examples, double[] scores) {
    List<Integer> ascending =
        IntStream.range(0, scores.length)
            .boxed()
            .sorted(Comparator.comparingDouble((Integer i) -> scores[i]))
            .toList();
    List<Study.Mistake> worst = new ArrayList<>();
    collect(worst, model, examples, ascending.reversed(), false, scores);
    collect(worst, model, examples, ascending, true, scores);
    return worst;
  }

  private static void collect(
      List<Study.Mistake> worst,
      String model,
      List<RecExample> examples,
      List<Integer> order,
      boolean liked,
      double[] scores) {
    int found = 0;
    for (int row : order) {
      if (examples.get(row).liked() == liked && found < EACH) {
        found++;
        long below = IntStream.range(0, scores.length).filter(i -> scores[i] < scores[row]).count();
        worst.add(
            new Study.Mistake(
                model,
                examples.get(row).text().input(),
                examples.get(row).text().output(),
                (double) below / Math.max(1, scores.length - 1)));
      }
    }
  }
}
