package dev.tallrec.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.Test;

class GpuCheckTableTest {

  @Test
  void putsEachWorkBesideThePeers() {
    List<String> json =
        List.of(
            "{\"commit\": \"fabec82-dirty\"}",
            "{\"device\": \"a GPU\", \"ceiling_tflops\": 60.0}",
            "{\"work\": \"dense\", \"rows\": 4, \"length\": 512, \"tokens_per_second\": 1500.4}",
            "{\"work\": \"dense\", \"rows\": 8, \"length\": 512, \"tokens_per_second\": 1600}",
            "{\"device\": \"a GPU\", \"ceiling_tflops\": 61.0}",
            "{\"work\": \"movie-score\", \"examples_per_second\": 40, \"tokens_per_second\": 9000}",
            "{\"peer\": \"P\", \"versions\": {\"torch\": \"2.11.0\", \"peft\": \"0.21.0\"}}",
            "{\"peer\": \"P\", \"work\": \"dense\", \"rows\": 4, \"length\": 512, \"checkpointing\": false,"
                + " \"tokens_per_second\": 750.2}",
            "{\"peer\": \"P\", \"work\": \"dense\", \"rows\": 8, \"length\": 512, \"checkpointing\": false,"
                + " \"does_not_fit\": \"too much\"}",
            "{\"peer\": \"P\", \"work\": \"dense\", \"rows\": 8, \"length\": 512, \"checkpointing\": true,"
                + " \"tokens_per_second\": 500}",
            "{\"peer\": \"P\", \"work\": \"movie-score\", \"examples_per_second\": 20}",
            "{\"peer\": \"P\", \"work\": \"movie-score, the paper's way\", \"examples_per_second\": 4}",
            "{\"peer\": \"P\", \"work\": \"movie-train:whole\", \"checkpointing\": true, \"tokens_per_second\": 5}",
            "{\"work\": \"movie-train:answers\", \"failed\": \"an error of the device\"}",
            "{\"peer\": \"P\", \"work\": \"movie-train:answers\", \"checkpointing\": false,"
                + " \"failed\": \"TypeError('no such argument')\"}",
            "{\"peer\": \"P\", \"work\": \"movie-train:answers\", \"checkpointing\": true, \"tokens_per_second\": 5}",
            "{\"peer\": \"P\", \"work\": \"cut o");
    assertThat(GpuCheckTable.lines(json))
        .containsExactly(
            "* tallrec at fabec82-dirty",
            "* tallrec on a GPU",
            "* P: torch 2.11.0, peft 0.21.0",
            "",
            "| work | tallrec | HF + PEFT | times | with checkpointing | times |",
            "|---|---|---|---|---|---|",
            "| dense, 4 x 512 | 1,500 | 750 | **2.00** | not reached |  |",
            "| dense, 8 x 512 | 1,600 | does not fit |  | 500 | **3.20** |",
            "| movie-score | 40 | 20 | **2.00** |  |  |",
            "| movie-train:answers | failed | failed |  | 5 |  |",
            "| movie-score, the paper's way | 40 | 4 | **10.00** |  |  |",
            "| movie-train:whole | not reached | not reached |  | 5 |  |");
  }

  @Test
  void numbersFollowNoLocale() {
    Locale before = Locale.getDefault();
    Locale.setDefault(Locale.GERMANY);
    try {
      assertThat(
              GpuCheckTable.lines(
                  List.of(
                      "{\"work\": \"dense\", \"tokens_per_second\": 1500}",
                      "{\"peer\": \"P\", \"work\": \"dense\", \"tokens_per_second\": 600}")))
          .last()
          .isEqualTo("| dense | 1,500 | 600 | **2.50** | not reached |  |");
    } finally {
      Locale.setDefault(before);
    }
  }
}
