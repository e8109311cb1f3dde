package dev.tallrec.report;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StudyFilesTest {

  @TempDir Path directory;

  private List<String> files() throws IOException {
    try (Stream<Path> all = Files.walk(directory)) {
      return all.filter(Files::isRegularFile)
          .map(file -> directory.relativize(file).toString())
          .sorted()
          .toList();
    }
  }

  @Test
  void writesAllForms() throws IOException {
    StudyFiles.write(MadeUpStudy.titled("../Été: \"K\" / <256>"), directory);
    StudyFiles.write(MadeUpStudy.titled("../Été: \"K\" / <256>"), directory);

    assertThat(files())
        .containsExactly(
            "charts/ete-k-256.png",
            "charts/roc.png",
            "charts/scores-2.png",
            "charts/scores.png",
            "report.html",
            "report.md",
            "report.tex",
            "tables.csv");
    assertThat(ImageIO.read(directory.resolve("charts/roc.png").toFile())).isNotNull();
    assertThat(directory.resolve("report.html")).content().endsWith("</html>\n");
  }

  @Test
  void namesChartsWithoutLetters() throws IOException {
    StudyFiles.write(MadeUpStudy.titled("!?"), directory);

    assertThat(files()).contains("charts/chart.png");
  }

  @Test
  void writesWhatThereIsOfAnEmptyStudy() throws IOException {
    StudyFiles.write(MadeUpStudy.empty(), directory);

    assertThat(files()).containsExactly("report.html", "report.md", "report.tex", "tables.csv");
  }
}
