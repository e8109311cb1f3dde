package dev.tallrec.tune;

import dev.tallrec.files.AtomicFiles;
import dev.tallrec.train.Fingerprint;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * Where a run keeps its settings, its results, and what it goes on from.
 *
 * @param path of the directory, which need not be there yet
 */
public record RunDirectory(Path path) {

  private static final String SETTINGS = "settings.yaml";
  private static final String RESULTS = "results.json";

  /** Where the final adapter is. */
  public Path adapter() {
    return path.resolve("adapter");
  }

  /** Where the scores of a data set's test rows after a stage are. */
  public Path scores(String stage, String data) {
    return path.resolve("scores-%s-%s.csv".formatted(stage, Path.of(data).getFileName()));
  }

  /** Where the adapter after a stage is. */
  Path adapterAfter(String stage) {
    return path.resolve(stage);
  }

  /** Where the state of a stage that is not complete is. */
  Path checkpoint(String stage) {
    return path.resolve(stage + "-checkpoint");
  }

  /**
   * The settings of the run that is kept here.
   *
   * @throws IOException if there is none, or the file is broken
   */
  public TuneSettings settings() throws IOException {
    Path file = path.resolve(SETTINGS);
    if (!Files.exists(file)) {
      throw new IOException(path + " holds no run: it has no " + SETTINGS);
    }
    return SettingsReader.readWhole(file);
  }

  /**
   * What is kept here of a run with {@code settings}; changes nothing.
   *
   * @throws IOException if a run with other settings is kept here, or a file is broken
   */
  Optional<RunResults> resultsOf(TuneSettings settings) throws IOException {
    Path file = path.resolve(SETTINGS);
    if (!Files.exists(file)) {
      return Optional.empty();
    }
    List<String> differences =
        Fingerprint.differences(
            SettingsReader.values(SettingsReader.readWhole(file)), SettingsReader.values(settings));
    if (!differences.isEmpty()) {
      throw new IOException(
          "%s holds a run with other settings (%s): %s. Choose another directory"
              .formatted(path, SETTINGS, String.join("; ", differences)));
    }
    Path results = path.resolve(RESULTS);
    return Files.exists(results) ? Optional.of(RunResults.read(results)) : Optional.empty();
  }

  /** Makes the directory this run's, which no run with other settings may have from then on. */
  void keep(TuneSettings settings) throws IOException {
    Path file = path.resolve(SETTINGS);
    if (!Files.exists(file)) {
      AtomicFiles.replaceFile(
          file, aside -> Files.writeString(aside, SettingsReader.write(settings)));
    }
  }

  void keep(RunResults results) throws IOException {
    results.write(path.resolve(RESULTS));
  }
}
