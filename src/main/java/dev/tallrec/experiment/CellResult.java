package dev.tallrec.experiment;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.tallrec.files.AtomicFiles;
import dev.tallrec.json.JsonFiles;
import dev.tallrec.rec.Evaluation;
import dev.tallrec.train.Fingerprint;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * What a run of a grid measured. It stands in the run's directory, beside the score of every test
 * row.
 *
 * @param version of this file's form
 * @param configuration of the run, so that another one is not taken for it
 * @param machine what it ran on
 * @param seconds that it took, tuning on instructions among them though other runs start from the
 *     same
 * @param test by data set
 * @param curve of training; empty for what is not trained
 * @param remarks that a reader of the figures should know
 */
public record CellResult(
    int version,
    Map<String, String> configuration,
    String machine,
    double seconds,
    Map<String, Evaluation> test,
    List<Point> curve,
    List<String> remarks) {

  static final int VERSION = 2;

  private static final String FILE = "cell.json";

  /** Begins the names of what is no setting: see {@link CellRunner#sources}. */
  private static final String SOURCE = "from.";

  /**
   * A moment of training.
   *
   * @param step of the optimizer
   * @param loss mean over the steps since the point before
   */
  public record Point(long step, double loss) {}

  private static final JsonMapper JSON =
      JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();

  /**
   * The result of a run that is done.
   *
   * @param anySource whether it may come from any server or BERT, because none is given to compare
   *     with: it is shown as what it is
   * @return empty if it is not done
   * @throws IOException if the directory holds the result of a run with another configuration
   */
  static Optional<CellResult> read(
      Path directory, Map<String, String> configuration, boolean anySource) throws IOException {
    Path file = directory.resolve(FILE);
    if (!Files.exists(file)) {
      return Optional.empty();
    }
    CellResult result;
    try {
      result = JSON.readValue(file.toFile(), CellResult.class);
    } catch (JsonProcessingException e) {
      throw new IOException(JsonFiles.describe(file, e), e);
    }
    List<String> others =
        Fingerprint.differing(result.configuration(), configuration).stream()
            .filter(name -> !(anySource && name.startsWith(SOURCE)))
            .sorted()
            .toList();
    if (result.version() != VERSION || !others.isEmpty()) {
      throw new IOException(
          "%s is of a run with other settings (%s): choose another directory with --out, or remove %s"
              .formatted(
                  file,
                  others.isEmpty() ? "version " + result.version() : String.join(", ", others),
                  directory));
    }
    return Optional.of(result);
  }

  /** How good the run is on {@code data}, which it was tested on. */
  Evaluation on(String data) {
    Evaluation evaluation = test.get(data);
    if (evaluation == null) {
      throw new IllegalArgumentException("the run was not tested on " + data);
    }
    return evaluation;
  }

  /** The same as the result of another run. */
  CellResult with(Map<String, String> otherConfiguration) {
    return new CellResult(version, otherConfiguration, machine, seconds, test, curve, remarks);
  }

  void write(Path directory) throws IOException {
    AtomicFiles.replaceFile(
        directory.resolve(FILE), aside -> Files.write(aside, JSON.writeValueAsBytes(this)));
  }

  /** Where the scores of a data set's test rows are. */
  static Path scores(Path directory, String data) {
    return directory.resolve("scores-" + Grid.lastName(data) + ".csv");
  }

  /**
   * What tells a cell from any other, in the grid or in another version of it.
   *
   * @param contents what tells its data sets from others of their names
   * @param sources that its runner names beside
   */
  static Map<String, String> configuration(
      Grid.Cell cell, String preset, Map<String, String> contents, Map<String, String> sources) {
    Map<String, String> all = new TreeMap<>(cell.settings());
    all.put("model", cell.model().name());
    all.put("preset", preset);
    all.put("data", String.join(",", cell.data()));
    all.put("test", String.join(",", cell.test()));
    all.put("k", String.valueOf(cell.k()));
    all.put("seed", String.valueOf(cell.seed()));
    contents.forEach((name, digest) -> all.put("content of " + name, digest));
    sources.forEach((name, source) -> all.put(SOURCE + name, source));
    return all;
  }
}
