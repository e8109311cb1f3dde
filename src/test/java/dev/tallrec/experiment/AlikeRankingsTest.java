package dev.tallrec.experiment;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class AlikeRankingsTest {

  private final Map<String, List<Grid.Cell>> byVariant = new LinkedHashMap<>();
  private final Map<Grid.Cell, double[]> scores = new HashMap<>();

  private void variant(String name, double[]... bySeed) {
    List<Grid.Cell> cells = new ArrayList<>();
    for (int seed = 0; seed < bySeed.length; seed++) {
      Grid.Cell cell =
          new Grid.Cell(
              name, Grid.Model.RECOMMENDER, List.of("book"), List.of("book"), 256, seed, Map.of());
      cells.add(cell);
      scores.put(cell, bySeed[seed]);
    }
    byVariant.put(name, cells);
  }

  private List<String> sentences() {
    Grid grid =
        new Grid(
            "Few-shot",
            "mini",
            Map.of(),
            List.of("book"),
            List.of(),
            List.of(256),
            List.of(),
            Map.of());
    Outcomes outcomes = new Outcomes(Path.of("unused"), grid, Map.of(), Map.of());
    return AlikeRankings.of(
        new TestSet(outcomes, "book", List.of(), new boolean[0], 256, byVariant, scores));
  }

  @Test
  void saysWhichVariantsRankAlikeThoughTheirScoresDiffer() {
    variant("GRU4Rec", new double[] {1, 2, 3, 4}, new double[] {4, 3, 2, 1});
    variant("Caser", new double[] {2, 1, 3, 4}, new double[] {4, 3, 2, 1});
    variant("DROS", new double[] {1, 4, 9, 16}, new double[] {8, 6, 4, 2});

    assertThat(sentences())
        .containsExactly(
            "Few-shot: book, K = 256, DROS ranks the rows as GRU4Rec does (rank correlation 1.0000 or more): not two findings.");
  }

  @Test
  void saysNothingOfScoresWithoutAnOrderNorOfVariantsWithoutACommonSeed() {
    variant("constant", new double[] {1, 1, 1});
    variant("alike", new double[] {1, 1, 1});
    variant("none");

    assertThat(sentences()).isEmpty();
  }
}
