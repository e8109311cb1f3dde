package dev.tallrec.experiment;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tallrec.rec.Domain;
import dev.tallrec.rec.Evaluation;
import dev.tallrec.rec.RecData;
import dev.tallrec.report.Study;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class SeedSignificanceTest {

  private final Map<String, Map<String, String>> variants = new LinkedHashMap<>();
  private final Map<Grid.Cell, CellResult> results = new LinkedHashMap<>();

  private void variant(String name, double... aucs) {
    variants.put(name, Map.of());
    for (int seed = 0; seed < aucs.length; seed++) {
      results.put(
          MovieResult.cell(name, 64, seed),
          MovieResult.of(new Evaluation(aucs[seed], null, 1, 1000)));
    }
  }

  private Outcomes outcomes() {
    Grid grid =
        new Grid(
            "Few-shot",
            "mini",
            variants,
            List.of("movie"),
            List.of(),
            List.of(64),
            List.of(0L, 1L, 2L),
            Map.of());
    return new Outcomes(Path.of("unused"), grid, results, Map.of());
  }

  private String tuned() throws IOException {
    Study.Table table = AucTable.of(outcomes(), "movie", RecData.published(Domain.MOVIE));
    return table.rows().stream()
            .filter(row -> row.name().equals("TALLRec"))
            .map(row -> row.cells().getFirst())
            .findFirst()
            .orElseThrow()
        + (table.caption().contains("Welch") ? ", tested" : "");
  }

  /**
   * p is 0.00897, and then 0.01072, against Caser: t's density, integrated. Without Welch's
   * correction it is below 0.0044 in both.
   */
  @Test
  void marksWhatIsAboveAllOthers() throws IOException {
    variant("Caser", 0.50, 0.51, 0.52);
    variant("SASRec", 0.40, 0.41, 0.42);
    variant("never run");
    variant("TALLRec", 0.57, 0.59, 0.61);
    assertThat(tuned()).isEqualTo("59.00 ± 2.00 (p < 0.01), tested");
    variant("TALLRec", 0.565, 0.585, 0.605);
    assertThat(tuned()).isEqualTo("58.50 ± 2.00, tested");
  }

  @Test
  void marksNothingThatIsBelowOrWithoutASpread() throws IOException {
    variant("Caser", 0.60, 0.61, 0.62);
    variant("TALLRec", 0.50, 0.50, 0.50);
    assertThat(tuned()).isEqualTo("50.00 ± 0.00, tested");
    variant("Caser", 0.40, 0.40, 0.40);
    assertThat(tuned()).isEqualTo("50.00 ± 0.00, tested");
  }

  @Test
  void testsNothingWithFewerThanThreeSeedsOrNothingBeside() throws IOException {
    variant("TALLRec", 0.70, 0.71, 0.72);
    assertThat(tuned()).isEqualTo("71.00 ± 1.00");
    variant("Caser", 0.50, 0.51);
    assertThat(tuned()).isEqualTo("71.00 ± 1.00");
  }
}
