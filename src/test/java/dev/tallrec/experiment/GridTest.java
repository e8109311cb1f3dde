package dev.tallrec.experiment;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.tallrec.rec.Evaluation;
import dev.tallrec.tune.RunResults;
import dev.tallrec.tune.SettingsReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class GridTest {

  @ParameterizedTest
  @ValueSource(strings = {"kshot", "ablation", "crossdomain"})
  void gridsThatComeWithTheProgramAreRunnable(String name) throws IOException {
    Grid grid = Grid.read(name);
    assertThat(grid.cells()).hasSize(9);
    for (Grid.Cell cell : grid.cells()) {
      assertThat(SettingsReader.read(grid.preset(), Optional.empty(), cell.settings()).k())
          .isEqualTo(cell.k());
    }
  }

  private static RunResults results(double auc) {
    RunResults.Split split =
        new RunResults.Split(new Evaluation(0.5, null, 1, 10), new Evaluation(auc, null, 1, 10));
    return new RunResults(
        1,
        "m",
        Map.of("movie", split),
        List.of(new RunResults.Stage("rec", Map.of("movie", split), null, 0)));
  }

  @Test
  void tablesHaveMeansOverSeedsAndThePapersFigures() throws IOException {
    Grid grid = Grid.read("kshot");
    Map<Grid.Cell, RunResults> byCell = new LinkedHashMap<>();
    for (Grid.Cell cell : grid.cells()) {
      byCell.put(cell, results(0.5 + cell.k() / 1000.0 + cell.seed() / 100.0));
    }
    Outcomes outcomes = new Outcomes(byCell);
    assertThat(outcomes.figures("movie")).containsOnlyKeys("TALLRec");
    for (Map<Integer, Outcomes.Figure> byK : outcomes.figures("movie").values()) {
      Outcomes.Figure figure = byK.getOrDefault(64, new Outcomes.Figure(0, 0, 0));
      assertThat(figure.mean()).isCloseTo(0.574, within(1e-12));
      assertThat(figure.deviation()).isCloseTo(0.01, within(1e-12));
    }
    assertThat(GridReport.markdown(grid, outcomes))
        .contains(
            "| ours: TALLRec | 52.60 &plusmn; 1.00 | 57.40",
            "the paper's TALLRec (LLaMA-7B) | 67.24 | 67.48 | 71.98");
    assertThat(GridReport.csv(grid, outcomes).lines()).hasSize(10);
  }

  @Test
  void brokenGridsAreNamed(@TempDir Path directory) throws IOException {
    Path file = directory.resolve("grid.yaml");
    Files.writeString(file, "title: x\nvary: 3\n");
    assertThatThrownBy(() -> Grid.read(file.toString()))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("grid.yaml")
        .hasMessageContaining("preset");
  }
}
