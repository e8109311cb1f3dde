package dev.tallrec.baselines;

import dev.tallrec.rec.Question;
import dev.tallrec.rec.RecExample;
import java.util.List;

/**
 * Examples as a sequential recommender sees them: numbers in place of titles. A history shorter
 * than {@link #LENGTH} is filled up with its last item, as the paper's scripts do.
 *
 * @param items [rows * LENGTH], oldest first
 * @param likes [rows * LENGTH]: 1 where the user liked the item
 * @param targets [rows]
 * @param labels [rows]: 1 where the user liked the target
 */
record Sequences(long[] items, float[] likes, long[] targets, float[] labels) {

  /** Items of a history. */
  static final int LENGTH = 10;

  static Sequences of(List<RecExample> examples, ItemCatalog catalog) {
    int rows = examples.size();
    Sequences sequences =
        new Sequences(
            new long[rows * LENGTH], new float[rows * LENGTH], new long[rows], new float[rows]);
    for (int row = 0; row < rows; row++) {
      RecExample example = examples.get(row);
      Question question = Question.parse(example.text()).orElseThrow();
      List<Question.Opinion> all = question.inOrder(example.order());
      List<Question.Opinion> last = all.subList(Math.max(0, all.size() - LENGTH), all.size());
      for (int i = 0; i < LENGTH; i++) {
        int at = row * LENGTH + i;
        if (last.isEmpty()) {
          sequences.items[at] = catalog.padding();
        } else {
          Question.Opinion opinion = last.get(Math.min(i, last.size() - 1));
          sequences.items[at] = catalog.number(opinion.item());
          sequences.likes[at] = opinion.liked() ? 1 : 0;
        }
      }
      sequences.targets[row] = catalog.number(question.target());
      sequences.labels[row] = example.liked() ? 1 : 0;
    }
    return sequences;
  }

  int rows() {
    return targets.length;
  }

  /** Some of the rows, in the order they are named. */
  Sequences rows(int... chosen) {
    Sequences some =
        new Sequences(
            new long[chosen.length * LENGTH],
            new float[chosen.length * LENGTH],
            new long[chosen.length],
            new float[chosen.length]);
    for (int i = 0; i < chosen.length; i++) {
      System.arraycopy(items, chosen[i] * LENGTH, some.items, i * LENGTH, LENGTH);
      System.arraycopy(likes, chosen[i] * LENGTH, some.likes, i * LENGTH, LENGTH);
      some.targets[i] = targets[chosen[i]];
      some.labels[i] = labels[chosen[i]];
    }
    return some;
  }
}
