package dev.tallrec.rec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.tallrec.testing.Fixtures;
import java.io.IOException;
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
}
