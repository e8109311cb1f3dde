package dev.tallrec.experiment;

import dev.tallrec.rec.KShot;
import dev.tallrec.rec.RecData;
import dev.tallrec.rec.RecExample;
import dev.tallrec.text.Instruction;
import java.io.IOException;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/** Solved examples that stand before a question: in-context learning. */
final class Demonstrations {

  private static final String SETTING = "demonstrations";

  private Demonstrations() {}

  /**
   * Checks the settings of a cell.
   *
   * @param others that it may have
   * @throws IOException naming the variant and the setting
   */
  static void check(Grid.Cell cell, Set<String> others) throws IOException {
    count(cell);
    Set<String> known = new TreeSet<>(others);
    known.add(SETTING);
    for (String setting : cell.settings().keySet()) {
      if (!known.contains(setting)) {
        throw new IOException(
            "variant %s: %s is none of its settings, which are %s"
                .formatted(cell.variant(), setting, String.join(", ", known)));
      }
    }
  }

  /** How many a cell asks for. */
  static int count(Grid.Cell cell) throws IOException {
    String value = cell.settings().getOrDefault(SETTING, "0");
    try {
      int count = Integer.parseInt(value);
      if (count >= 0) {
        return count;
      }
    } catch (NumberFormatException e) {
      // Said below.
    }
    throw new IOException(
        "variant %s: demonstrations: %s is no number of examples".formatted(cell.variant(), value));
  }

  /** The few-shot sample that a cell's demonstrations are taken from, in its order. */
  static List<Instruction> candidates(Grid.Cell cell, RecData data) {
    List<RecExample> sample =
        cell.k() == 0 ? data.train() : KShot.sample(data.train(), cell.k(), cell.seed());
    return sample.stream().map(RecExample::text).toList();
  }
}
