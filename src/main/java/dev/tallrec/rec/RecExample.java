package dev.tallrec.rec;

import dev.tallrec.text.Instruction;
import java.util.List;
import java.util.OptionalInt;

/**
 * A user's history, a target item, and whether the user liked it.
 *
 * @param text the example as instruction
 * @param liked the answer
 * @param user number of the user, where known
 * @param order of the history, where it is known and fits what the prompt shows: see {@link
 *     Question#inOrder}; else empty
 */
public record RecExample(Instruction text, boolean liked, OptionalInt user, String order) {

  /** The answer that means liking. */
  public static final String YES = "Yes.";

  /** The answer that means not liking. */
  public static final String NO = "No.";

  /** The answers of examples, in their order. */
  public static boolean[] labels(List<RecExample> examples) {
    boolean[] liked = new boolean[examples.size()];
    for (int i = 0; i < liked.length; i++) {
      liked[i] = examples.get(i).liked();
    }
    return liked;
  }
}
