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
            "charts/charts.sha256",
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
  void removesItsOwnChartsOfAnEarlierStudyAndNothingElse() throws IOException {
    StudyFiles.write(MadeUpStudy.titled("first"), directory);
    Path charts = directory.resolve("charts");
    byte[] chart = Files.readAllBytes(charts.resolve("first.png"));
    Files.write(charts.resolve("copied-by-the-user.png"), chart);
    Files.writeString(charts.resolve("scores.png"), "the user's own by now");
    Files.write(directory.resolve("outside.png"), chart);
    Path list = charts.resolve("charts.sha256");
    Files.writeString(
        list,
        Files.readString(list)
            + Files.readString(list).lines().findFirst().orElseThrow().substring(0, 64)
            + "  ../outside.png\nnot a line\n");

    StudyFiles.write(MadeUpStudy.empty(), directory);

    assertThat(files())
        .containsExactly(
            "charts/charts.sha256",
            "charts/copied-by-the-user.png",
            "charts/scores.png",
            "outside.png",
            "report.html",
            "report.md",
            "report.tex",
            "tables.csv");
    assertThat(list).isEmptyFile();
  }

  @Test
  void aChartThatAKillLeftOnTheListOfTwoStudiesIsRemovedTooIfItIsEithers() throws IOException {
    StudyFiles.write(MadeUpStudy.titled("first"), directory);
    Path list = directory.resolve("charts/charts.sha256");
    Files.writeString(list, "0".repeat(64) + "  first.png\n" + Files.readString(list));

    StudyFiles.write(MadeUpStudy.titled("second"), directory);

    assertThat(files()).contains("charts/second.png").doesNotContain("charts/first.png");
    assertThat(list).content().contains("  second.png\n").doesNotContain("first.png");
  }

  @Test
  void tablesAloneNeitherDrawNorTouchThePage() throws IOException {
    StudyFiles.writeTables(MadeUpStudy.full(), directory);

    assertThat(files()).containsExactly("report.md", "report.tex", "tables.csv");
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
