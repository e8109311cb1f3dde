package dev.tallrec.experiment;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tallrec.tune.SettingsReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class GridTest {

  @ParameterizedTest
  @EnumSource
  void gridsThatComeWithTheProgramAreRunnable(Grid.Scale scale) throws IOException {
    for (String name : Grid.KNOWN) {
      Grid grid = Grid.read(name, scale);
      assertThat(grid.cells()).as(name).isNotEmpty();
      // The base is opened once for all grids, by the first one's preset.
      assertThat(grid.preset()).isEqualTo(Grid.read(Grid.KNOWN.getFirst(), scale).preset());
      for (Grid.Cell cell : grid.cells()) {
        switch (cell.model()) {
          case TALLREC ->
              SettingsReader.read(grid.preset(), Optional.empty(), cell.settings()).rec();
          case RECOMMENDER -> assertThat(RecommenderCells.settings(cell).hidden()).isPositive();
          case UNTUNED, ENDPOINT -> assertThat(Demonstrations.count(cell)).isNotNegative();
        }
      }
    }
  }

  /** All grids are kept in one directory: what is the same run must have the same settings. */
  @ParameterizedTest
  @EnumSource
  void runsThatShareADirectoryAreTheSame(Grid.Scale scale) throws IOException {
    Map<String, Map<String, String>> byName = new HashMap<>();
    for (String name : Grid.KNOWN) {
      Grid grid = Grid.read(name, scale);
      for (Grid.Cell cell : grid.cells()) {
        Map<String, String> configuration =
            CellResult.configuration(cell, grid.preset(), Map.of(), Map.of());
        Map<String, String> other = byName.put(cell.name(), configuration);
        if (other != null) {
          assertThat(configuration).as("%s in %s", cell.name(), name).isEqualTo(other);
        }
      }
    }
  }

  @Test
  void brokenGridsAreNamed(@TempDir Path directory) throws IOException {
    Path file = directory.resolve("grid.yaml");
    Files.writeString(file, "title: x\nvary: 3\n");
    assertThatThrownBy(() -> Grid.read(file.toString(), Grid.Scale.SMALL))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("grid.yaml")
        .hasMessageContaining("preset");
  }

  @Test
  void settingsForAllTuningRunsLeaveThoseThatHaveTheirOwn() throws IOException {
    Grid ablation = Grid.read("ablation", Grid.Scale.PAPER);
    Map<String, String> start = Map.of("adapter", "a", "instruction.epochs", "0");
    Map<String, Map<String, String>> started = ablation.tunedWith(start).variants();
    assertThat(started.get("TALLRec")).isEqualTo(start);
    assertThat(started.get("AT")).containsAllEntriesOf(start).containsEntry("rec.epochs", "0");
    assertThat(started.get("RT")).isEqualTo(Map.of("instruction.epochs", "0"));
    Grid full = Grid.read("full", Grid.Scale.PAPER);
    assertThat(full.tunedWith(start)).isEqualTo(full);
    Grid byK =
        new Grid(
            "x",
            "mini",
            ablation.variants(),
            ablation.data(),
            List.of(),
            List.of(16),
            List.of(0L),
            Map.of(16, Map.of("instruction.epochs", "1")));
    assertThat(byK.tunedWith(start)).isEqualTo(byK);
  }

  @Test
  void testSetsWhoseScoresWouldOverwriteEachOtherAreNamed(@TempDir Path directory)
      throws IOException {
    Path file = directory.resolve("grid.yaml");
    Files.writeString(
        file,
        """
        title: x
        preset: mini
        variants: {a: {}}
        data: [movie]
        test: [old/movie, new/movie]
        k: [16]
        seeds: [0]
        by_k: {}
        """);
    assertThatThrownBy(() -> Grid.read(file.toString(), Grid.Scale.SMALL))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("old/movie, new/movie");
  }

  @Test
  void spacesBetweenDataSetsAreNoneOfTheirNames(@TempDir Path directory) throws IOException {
    Path file = directory.resolve("grid.yaml");
    Files.writeString(
        file,
        """
        title: x
        preset: mini
        variants: {both: {data: "movie, book"}}
        data: [movie]
        test: [movie]
        k: [16]
        seeds: [0]
        by_k: {}
        """);
    assertThat(Grid.read(file.toString(), Grid.Scale.SMALL).cells())
        .extracting(Grid.Cell::data)
        .containsExactly(List.of("movie", "book"));
  }

  @Test
  void aVariantOfSeveralTrainingSetsIsNotTestedOnOneSet(@TempDir Path directory)
      throws IOException {
    Path file = directory.resolve("grid.yaml");
    String grid =
        """
        title: x
        preset: mini
        variants: {mine: {}}
        data: [movie, book]
        test: [movie, book]
        k: [16]
        seeds: [0]
        by_k: {}
        """;
    Files.writeString(file, grid);
    assertThatThrownBy(() -> Grid.read(file.toString(), Grid.Scale.SMALL))
        .isInstanceOf(IOException.class)
        .hasMessageContainingAll(
            "grid.yaml: variant mine learns from movie in some runs and from book in others",
            "tested on movie",
            "\"mine, book\": {data: \"book\"}");
    Files.writeString(
        file,
        grid.replace(
            "{mine: {}}", "{\"mine, movie\": {data: movie}, \"mine, book\": {data: book}}"));
    assertThat(Grid.read(file.toString(), Grid.Scale.SMALL).cells())
        .extracting(Grid.Cell::data)
        .containsExactly(List.of("movie"), List.of("book"));
    Files.writeString(file, grid.replace("test: [movie, book]", "test: []"));
    assertThat(Grid.read(file.toString(), Grid.Scale.SMALL).cells()).hasSize(2);
  }

  /** Studies run for days: what is done of them must stay theirs. */
  @Test
  void whatTellsRunsApartStaysAsItIs() throws IOException {
    Grid grid = Grid.read("table1", Grid.Scale.SMALL);
    Map<String, Map<String, String>> configurations = new HashMap<>();
    for (Grid.Cell cell : grid.cells()) {
      configurations.put(
          cell.name(), CellResult.configuration(cell, grid.preset(), Map.of(), Map.of()));
    }
    assertThat(configurations.get("TALLRec-movie-k64-seed1"))
        .hasToString(
            "{data=movie, k=64, model=TALLREC, preset=mini, rec.drop_cut_off=true, rec.epochs=16,"
                + " rec.evaluate_every=8, seed=1, test=movie}");
    assertThat(configurations.get("DROS-LLaMA-book-k16-seed0"))
        .hasToString(
            "{architecture=gru4rec, data=book, dro_weight=0.4, features=llama, k=16,"
                + " model=RECOMMENDER, preset=mini, seed=0, test=book}");
  }

  @Test
  void variantsThatCannotBeRunAreNamed(@TempDir Path directory) throws IOException {
    Path file = directory.resolve("grid.yaml");
    String rest = "data: [movie]\ntest: []\nk: [16]\nseeds: [0]\nby_k: {}\n";
    Files.writeString(file, "title: x\npreset: mini\nvariants: {mine: {model: oracle}}\n" + rest);
    assertThatThrownBy(() -> Grid.read(file.toString(), Grid.Scale.SMALL))
        .hasMessageContaining("oracle")
        .hasMessageContaining("mine");
    Files.writeString(file, "title: x\npreset: mini\nvariants: {a b: {}, a-b: {}}\n" + rest);
    assertThatThrownBy(() -> Grid.read(file.toString(), Grid.Scale.SMALL))
        .hasMessageContaining("one directory");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          k: [16]      | k: [16]; other: 1 | there is no other here, only by_k, data, k,
          k: [16]      | k: [few]        | k[0] is "few", not a whole number
          k: [16]      | k: [16.9]       | k[0] is "16.9", not a whole number
          seeds: [0]   | seeds: [0.5]    | seeds[0] is "0.5", not a whole number
          seeds: [0]   | seeds: 0        | seeds is not a list
          by_k: {}     | by_k: {16: 3}   | by_k.16 is not a group of settings
          k: [16]      | k: [16, ~]      | k[1] has no value
          seeds: [0]   | seeds: [~]      | seeds[0] has no value
          data: [movie] | data: [~]      | data[0] has no value
          by_k: {}     | by_k: {16: {rec.epochs: ~}} | by_k.16.rec.epochs has no value
          by_k: {}     | by_k: {16: ~}   | by_k.16 has no value
          variants: {a: {}} | variants: {a: ~} | variants.a has no value
          variants: {a: {}} | variants: {a: } | variants.a is "", not a group of settings
          preset: mini | preset: {a: b}  | preset is not a text
          test: []     | # nothing       | test is missing
          """)
  void whatIsWrongIsSaidInTheWordsOfTheFile(
      String right, String wrong, String message, @TempDir Path directory) throws IOException {
    Path file = directory.resolve("grid.yaml");
    String grid =
        """
        title: x
        preset: mini
        variants: {a: {}}
        data: [movie]
        test: []
        k: [16]
        seeds: [0]
        by_k: {}
        """;
    Files.writeString(file, grid.replace(right, wrong.replace("; ", "\n")));
    assertThatThrownBy(() -> Grid.read(file.toString(), Grid.Scale.SMALL))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("grid.yaml, line ")
        .hasMessageContaining(message);
  }
}
