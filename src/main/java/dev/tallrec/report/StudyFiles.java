package dev.tallrec.report;

import dev.tallrec.safetensors.AtomicFiles;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.text.Normalizer;
import java.util.HashSet;
import java.util.Locale;
import java.util.Set;

/** A study as files: a page, Markdown, LaTeX, CSV and a PNG image a chart. */
public final class StudyFiles {

  private static final int LONGEST_NAME = 60;

  private StudyFiles() {}

  /** Writes all of them to {@code directory}, over those that are there. */
  public static void write(Study study, Path directory) throws IOException {
    text(directory.resolve("report.html"), HtmlReport.html(study));
    text(directory.resolve("report.md"), MarkdownReport.markdown(study));
    text(directory.resolve("report.tex"), LatexReport.latex(study));
    text(directory.resolve("tables.csv"), CsvReport.csv(study));
    Set<String> taken = new HashSet<>();
    for (Plot plot : new StudyCharts(study).plots()) {
      bytes(
          directory.resolve("charts").resolve(free(plot.title(), taken) + ".png"),
          StudyCharts.titled(plot, ChartTheme.LIGHT, ChartSize.WIDE));
    }
  }

  private static String free(String title, Set<String> taken) {
    String name = name(title);
    String free = name;
    for (int i = 2; !taken.add(free); i++) {
      free = name + "-" + i;
    }
    return free;
  }

  /** A title's letters and digits, without accents and in lower case, parted by dashes. */
  private static String name(String title) {
    String name =
        Normalizer.normalize(title, Normalizer.Form.NFKD)
            .replaceAll("\\p{M}", "")
            .toLowerCase(Locale.ROOT)
            .replaceAll("[^a-z0-9]+", "-");
    name = name.substring(0, Math.min(name.length(), LONGEST_NAME)).replaceAll("^-|-$", "");
    return name.isEmpty() ? "chart" : name;
  }

  private static void text(Path file, String text) throws IOException {
    bytes(file, text.getBytes(StandardCharsets.UTF_8));
  }

  private static void bytes(Path file, byte[] bytes) throws IOException {
    AtomicFiles.replaceFile(file, aside -> Files.write(aside, bytes));
  }
}
