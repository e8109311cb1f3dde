package dev.tallrec.rec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.tallrec.testing.Fixtures;
import dev.tallrec.text.Instruction;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;

class AucTest {

  @Test
  void equalsScikitLearnWithTies() throws IOException {
    JsonMapper json = new JsonMapper();
    JsonNode cases = json.readTree(Fixtures.path("rec/auc.json").toFile());
    assertThat(cases).hasSizeGreaterThan(10);
    for (JsonNode example : cases) {
      double[] scores = json.treeToValue(example.path("scores"), double[].class);
      boolean[] liked = json.treeToValue(example.path("liked"), boolean[].class);
      assertThat(Auc.of(scores, liked)).isCloseTo(example.path("auc").asDouble(), within(1e-12));
    }
  }

  @Test
  void oneClassIsAnError() {
    assertThatThrownBy(() -> Auc.of(new double[] {1, 2}, new boolean[] {true, true}))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("all 2 are liked");
  }

  @Test
  void scoresThatAreNoNumbersAreAnError() {
    assertThatThrownBy(() -> Auc.of(new double[] {1, Double.NaN}, new boolean[] {true, false}))
        .hasMessageContaining("example 2 is NaN");
  }

  @Test
  void weightsCountExamplesSoOften() {
    Auc auc = new Auc(new double[] {1, 2, 2, 3}, new boolean[] {false, true, false, true});
    double repeated =
        Auc.of(
            new double[] {1, 2, 2, 2, 2, 3}, new boolean[] {false, true, true, true, false, true});
    assertThat(auc.weighted(new int[] {1, 3, 1, 1})).isCloseTo(repeated, within(1e-15));
    assertThat(auc.weighted(new int[] {1, 0, 1, 0})).isNaN();
  }

  @Test
  void intervalHoldsTheValueAndIsWiderForFewerUsers() {
    int size = 400;
    double[] scores = new double[size];
    boolean[] liked = new boolean[size];
    List<RecExample> many = new ArrayList<>();
    List<RecExample> few = new ArrayList<>();
    Instruction text = new Instruction("", "", "");
    java.util.Random random = new java.util.Random(3);
    for (int i = 0; i < size; i++) {
      int user = i / 50;
      liked[i] = random.nextInt(8) < user;
      scores[i] = user + random.nextGaussian();
      many.add(new RecExample(text, liked[i], OptionalInt.of(i), ""));
      few.add(new RecExample(text, liked[i], OptionalInt.of(user), ""));
    }
    Auc auc = new Auc(scores, liked);
    Interval narrow = Interval.overUsers(auc, many).orElseThrow();
    Interval wide = Interval.overUsers(auc, few).orElseThrow();
    assertThat(auc.value()).isBetween(narrow.low(), narrow.high());
    assertThat(wide.high() - wide.low()).isGreaterThan(1.5 * (narrow.high() - narrow.low()));
    assertThat(Interval.overUsers(auc, many)).contains(narrow);
  }

  @Test
  void aLeadIsJudgedInTheSameDrawsOfUsers() {
    int size = 400;
    double[] scores = new double[size];
    double[] slightlyBetter = new double[size];
    double[] noise = new double[size];
    double[] otherNoise = new double[size];
    boolean[] liked = new boolean[size];
    List<RecExample> examples = new ArrayList<>();
    Instruction text = new Instruction("", "", "");
    java.util.Random random = new java.util.Random(5);
    for (int i = 0; i < size; i++) {
      int user = i / 20;
      liked[i] = random.nextInt(20) < user;
      scores[i] = user + 4 * random.nextGaussian();
      slightlyBetter[i] = scores[i] + (liked[i] ? 1 : 0);
      noise[i] = random.nextGaussian();
      otherNoise[i] = random.nextGaussian();
      examples.add(new RecExample(text, liked[i], OptionalInt.of(user), ""));
    }
    Auc own = new Auc(scores, liked);
    Auc better = new Auc(slightlyBetter, liked);
    Auc other = new Auc(noise, liked);
    Interval lead = Interval.ofDifference(better, own, examples).orElseThrow();
    assertThat(lead.holds(better.value() - own.value())).isTrue();
    assertThat(lead.low()).isPositive();
    // The intervals of both overlap all the same: these say nothing of the difference.
    assertThat(Interval.overUsers(better, examples).orElseThrow().low())
        .isLessThan(Interval.overUsers(own, examples).orElseThrow().high());
    Interval reverse = Interval.ofDifference(own, better, examples).orElseThrow();
    assertThat(reverse.low()).isCloseTo(-lead.high(), within(1e-12));
    assertThat(reverse.high()).isCloseTo(-lead.low(), within(1e-12));
    assertThat(Interval.ofDifference(own, own, examples)).contains(new Interval(0, 0));
    assertThat(Interval.ofDifference(other, new Auc(otherNoise, liked), examples).orElseThrow())
        .satisfies(ends -> assertThat(ends.holds(0)).isTrue());
  }
}
