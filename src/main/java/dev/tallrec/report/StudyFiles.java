package dev.tallrec.report;

import dev.tallrec.files.AtomicFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A study as files: a page, Markdown, LaTeX, CSV and a PNG image a chart. */
public final class StudyFiles {

  private static final String CHARTS = "charts";

  private StudyFiles() {}

  /**
   * Writes all of them to {@code directory}, over those that are there; charts of an earlier study
   * that are none of this one are removed.
   */
  public static void write(Study study, Path directory) throws IOException {
    writeTables(study, directory);
    text(directory.resolve("report.html"), HtmlReport.html(study));
    new ChartFiles(directory.resolve(CHARTS)).write(new StudyCharts(study).plots());
  }

  /** Writes facts and tables alone, as Markdown, LaTeX and CSV: no drawing, little time. */
  public static void writeTables(Study study, Path directory) throws IOException {
    text(directory.resolve("report.md"), MarkdownReport.markdown(study));
    text(directory.resolve("report.tex"), LatexReport.latex(study));
    text(directory.resolve("tables.csv"), CsvReport.csv(study));
  }

  private static void text(Path file, String text) throws IOException {
    AtomicFiles.replaceFile(file, aside -> Files.writeString(aside, text));
  }
}
