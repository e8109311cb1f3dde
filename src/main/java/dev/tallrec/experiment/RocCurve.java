package dev.tallrec.experiment;

import dev.tallrec.report.Study;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/** Receiver operating characteristic: liked against disliked rows above each threshold. */
final class RocCurve {

  private static final int MOST_POINTS = 200;

  private RocCurve() {}

  /** The curve of scores, from (0, 0) to (1, 1), thinned to what can be seen. */
  static Study.Series of(String name, double[] scores, boolean[] liked) {
    int[] descending =
        IntStream.range(0, scores.length)
            .boxed()
            .sorted(Comparator.comparingDouble((Integer i) -> -scores[i]))
            .mapToInt(Integer::intValue)
            .toArray();
    int likes = (int) IntStream.range(0, liked.length).filter(i -> liked[i]).count();
    int dislikes = liked.length - likes;
    List<Double> x = new ArrayList<>(List.of(0.0));
    List<Double> y = new ArrayList<>(List.of(0.0));
    int likesAbove = 0;
    int dislikesAbove = 0;
    int each = Math.max(1, scores.length / MOST_POINTS);
    int since = 0;
    for (int i = 0; i < descending.length; i++) {
      if (liked[descending[i]]) {
        likesAbove++;
      } else {
        dislikesAbove++;
      }
      since++;
      boolean last = i + 1 == descending.length;
      // Within equal scores there is no threshold.
      boolean threshold = last || scores[descending[i]] != scores[descending[i + 1]];
      if (threshold && (last || since >= each)) {
        x.add((double) dislikesAbove / dislikes);
        y.add((double) likesAbove / likes);
        since = 0;
      }
    }
    return new Study.Series(name, x, y, List.of());
  }
}
