package dev.tallrec.rec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.tallrec.testing.Fixtures;
import java.io.IOException;
import java.util.Map;
import org.junit.jupiter.api.Test;

class KShotTest {

  private static final Map<String, Integer> ROWS = Map.of("movie", 8000, "book", 19414);

  @Test
  void picksTheRowsThatThePapersScriptsPick() throws IOException {
    JsonMapper json = new JsonMapper();
    JsonNode fixture = json.readTree(Fixtures.path("rec/kshot_indices.json").toFile()).path("hf");
    int compared = 0;
    for (Map.Entry<String, JsonNode> domain : fixture.properties()) {
      for (Map.Entry<String, JsonNode> seed : domain.getValue().properties()) {
        for (Map.Entry<String, JsonNode> k : seed.getValue().properties()) {
          int[] expected = json.treeToValue(k.getValue(), int[].class);
          assertThat(
                  KShot.indices(
                      ROWS.getOrDefault(domain.getKey(), 0),
                      Integer.parseInt(k.getKey()),
                      Long.parseLong(seed.getKey())))
              .isEqualTo(expected);
          compared++;
        }
      }
    }
    assertThat(compared).isEqualTo(100);
  }

  /** What numpy 2.4 says of default_rng(2**40 + 3).permutation(10) and of 2**62 + 1. */
  @Test
  void seedsOfMoreThan32BitsAreNumpysToo() {
    assertThat(KShot.indices(10, 10, (1L << 40) + 3)).containsExactly(2, 4, 6, 5, 7, 9, 0, 3, 8, 1);
    assertThat(KShot.indices(10, 10, (1L << 62) + 1)).containsExactly(1, 6, 4, 8, 3, 9, 0, 7, 5, 2);
  }

  @Test
  void refusesMoreShotsThanRows() {
    assertThatThrownBy(() -> KShot.indices(10, 11, 0)).hasMessageContaining("K = 11");
    assertThatThrownBy(() -> KShot.indices(10, 5, -1)).hasMessageContaining("negative");
  }
}
