package dev.tallrec.experiment;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tallrec.rec.RecExample;
import dev.tallrec.report.Study;
import dev.tallrec.text.Instruction;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;

class MistakesTest {

  private static List<RecExample> rows(String labels) {
    List<RecExample> rows = new ArrayList<>();
    for (int i = 0; i < labels.length(); i++) {
      boolean liked = labels.charAt(i) == '+';
      String answer = liked ? RecExample.YES : RecExample.NO;
      rows.add(
          new RecExample(new Instruction("?", "row " + i, answer), liked, OptionalInt.empty(), ""));
    }
    return rows;
  }

  /** Eleven rows, so that a rank is the tenths of the others that are below. */
  @Test
  void areTheDislikedRowsRankedHighestAndTheLikedOnesRankedLowest() {
    double[] scores = {0.9, 0.2, 0.5, 0.1, 0.8, 0.7, 0.3, 0.6, 0.4, 0.2, 1.0};

    assertThat(Mistakes.worst("m", rows("+-++--+-+-+"), scores))
        .containsExactly(
            new Study.Mistake("m", "row 4", "No.", 0.8),
            new Study.Mistake("m", "row 5", "No.", 0.7),
            new Study.Mistake("m", "row 7", "No.", 0.6),
            new Study.Mistake("m", "row 3", "Yes.", 0),
            new Study.Mistake("m", "row 6", "Yes.", 0.3),
            new Study.Mistake("m", "row 8", "Yes.", 0.4));
  }

  @Test
  void areAsManyAsThereAreAndNoneIsBelowItsEqual() {
    assertThat(Mistakes.worst("m", rows("+-+"), new double[] {0.5, 0.5, 0.5}))
        .containsExactly(
            new Study.Mistake("m", "row 1", "No.", 0),
            new Study.Mistake("m", "row 0", "Yes.", 0),
            new Study.Mistake("m", "row 2", "Yes.", 0));
  }
}
