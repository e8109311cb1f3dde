package dev.tallrec.prepare;

import dev.tallrec.rec.Domain;
import dev.tallrec.rec.RecExample;
import dev.tallrec.text.Instruction;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Sliding windows over users' ratings: a history of so many items, then the item asked about. */
final class Windows {

  /**
   * An example and whose it is.
   *
   * @param order of likes and dislikes in the history: see {@link dev.tallrec.rec.Question#inOrder}
   * @param time of the target
   */
  record Window(String user, Instruction text, String order, Time time) {}

  private Windows() {}

  /**
   * All windows, users in the order they first appear, each user's in time.
   *
   * @param history items before the target
   */
  static List<Window> of(List<Rating> ratings, int history, Domain domain) {
    Map<String, List<Rating>> byUser = new LinkedHashMap<>();
    for (Rating rating : ratings) {
      byUser.computeIfAbsent(rating.user(), user -> new ArrayList<>()).add(rating);
    }
    List<Window> windows = new ArrayList<>();
    byUser.forEach((user, all) -> {
      // Stable: what happened in the same second stays in the order of the file.
      List<Rating> inTime = new ArrayList<>(all);
      inTime.sort(Comparator.comparing(Rating::time));
      for (int target = history; target < inTime.size(); target++) {
        windows.add(
            window(user, inTime.subList(target - history, target), inTime.get(target), domain));
      }
    });
    return windows;
  }

  /** The example of one history and target. */
  static Window window(String user, List<Rating> history, Rating target, Domain domain) {
    List<String> liked = new ArrayList<>();
    List<String> disliked = new ArrayList<>();
    StringBuilder order = new StringBuilder();
    for (Rating rating : history) {
      (rating.liked() ? liked : disliked).add(rating.item());
      order.append(rating.liked() ? '1' : '0');
    }
    Instruction text =
        domain.question(
            liked, disliked, target.item(), target.liked() ? RecExample.YES : RecExample.NO);
    return new Window(user, text, order.toString(), target.time());
  }
}
