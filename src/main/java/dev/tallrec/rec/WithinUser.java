package dev.tallrec.rec;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * AUC within users: each user's own AUC, averaged with the number of the user's examples as weight.
 * It tells whether a model knows which items a user likes, where the AUC over all examples is also
 * raised by knowing which users like much.
 *
 * @param auc the average
 * @param users that have both likes and dislikes, and so count
 */
public record WithinUser(double auc, int users) {

  /** Of scores; empty unless all users are known and one has both likes and dislikes. */
  public static Optional<WithinUser> of(List<RecExample> examples, double[] scores) {
    if (examples.stream().anyMatch(example -> example.user().isEmpty())) {
      return Optional.empty();
    }
    Map<Integer, List<Integer>> rows = new LinkedHashMap<>();
    for (int i = 0; i < scores.length; i++) {
      rows.computeIfAbsent(examples.get(i).user().getAsInt(), user -> new ArrayList<>()).add(i);
    }
    double sum = 0;
    int counted = 0;
    int users = 0;
    for (List<Integer> own : rows.values()) {
      boolean[] liked = new boolean[own.size()];
      double[] ownScores = new double[own.size()];
      int likes = 0;
      for (int i = 0; i < liked.length; i++) {
        liked[i] = examples.get(own.get(i)).liked();
        ownScores[i] = scores[own.get(i)];
        likes += liked[i] ? 1 : 0;
      }
      if (likes > 0 && likes < liked.length) {
        sum += Auc.of(ownScores, liked) * liked.length;
        counted += liked.length;
        users++;
      }
    }
    return users == 0 ? Optional.empty() : Optional.of(new WithinUser(sum / counted, users));
  }
}
