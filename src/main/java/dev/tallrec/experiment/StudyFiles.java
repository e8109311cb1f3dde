package dev.tallrec.experiment;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Placeholder. */
public final class StudyFiles {
  private StudyFiles() {}

  /** Placeholder. */
  public static void write(Study study, Path directory) throws IOException {
    StringBuilder text = new StringBuilder(study.title() + "\n");
    study.facts().forEach(fact -> text.append(fact).append('\n'));
    for (Study.Table table : study.tables()) {
      text.append("\n## ")
          .append(table.title())
          .append("\n")
          .append(table.caption())
          .append("\n")
          .append(table.columns())
          .append('\n');
      table
          .rows()
          .forEach(row ->
              text.append(row.name())
                  .append(' ')
                  .append(row.origin())
                  .append(' ')
                  .append(row.cells())
                  .append('\n'));
    }
    Files.writeString(directory.resolve("report.md"), text.toString());
  }
}
