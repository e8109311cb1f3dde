package dev.tallrec.experiment;

import dev.tallrec.files.ProcessLock;
import dev.tallrec.report.Study;
import dev.tallrec.report.StudyFiles;
import dev.tallrec.train.TrainingStoppedException;
import dev.tallrec.tune.RunListener;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Runs grids one after the other and reports on all of them: their tables after each, so that a
 * long study can be read while it goes on, and the page with its charts once, at the end or when
 * the study ends before it.
 */
public final class StudyRun {

  private final Runners runners;
  private final List<Grid> grids;
  private final String base;
  private final Path directory;
  private final RunListener listener;

  /**
   * Prepares a study.
   *
   * @param base name of the base model, for the report
   * @param directory of runs and report
   */
  public StudyRun(
      Runners runners, List<Grid> grids, String base, Path directory, RunListener listener) {
    this.runners = runners;
    this.grids = grids;
    this.base = base;
    this.directory = directory;
    this.listener = listener;
  }

  /**
   * Runs what is not done yet. What is done is reported, whatever becomes of the rest.
   *
   * @throws IOException also if another process runs a study in the directory
   */
  public void run() throws IOException, TrainingStoppedException {
    if (!Files.exists(directory)) {
      // What is refused leaves no directory behind.
      check();
    }
    try (ProcessLock _ = ProcessLock.ofDirectory(directory)) {
      runAndReport();
    }
  }

  /** All before the first: a mistake in the last grid should not be found after days of others. */
  private void check() throws IOException {
    for (Grid grid : grids) {
      gridRun(grid).check();
    }
  }

  private void runAndReport() throws IOException, TrainingStoppedException {
    try {
      check();
      for (Grid grid : grids) {
        gridRun(grid).run();
        StudyFiles.writeTables(study(present()), directory);
      }
    } catch (IOException | TrainingStoppedException | RuntimeException e) {
      reportBefore(e);
      throw e;
    }
    report(present());
  }

  private void reportBefore(Exception end) {
    try {
      List<Outcomes> present = present();
      if (present.stream().anyMatch(outcomes -> !outcomes.byCell().isEmpty())) {
        report(present);
      }
    } catch (IOException | RuntimeException e) {
      end.addSuppressed(e);
    }
  }

  private void report(List<Outcomes> outcomes) throws IOException {
    StudyFiles.write(study(outcomes), directory);
    listener.message("\nreport: " + directory.resolve("report.html"));
  }

  private GridRun gridRun(Grid grid) {
    return new GridRun(runners, grid, directory, listener);
  }

  private List<Outcomes> present() throws IOException {
    List<Outcomes> present = new ArrayList<>();
    for (Grid grid : grids) {
      present.add(gridRun(grid).present());
    }
    return present;
  }

  private Study study(List<Outcomes> outcomes) throws IOException {
    String title = grids.size() == 1 ? grids.getFirst().title() : "TALLRec: the whole study";
    return new StudyBuilder(runners).build(title, base, outcomes);
  }
}
