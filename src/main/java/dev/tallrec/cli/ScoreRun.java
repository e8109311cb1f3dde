package dev.tallrec.cli;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.tallrec.files.AtomicFiles;
import dev.tallrec.train.Fingerprint;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * What scores depend on, so that none of another model are appended to them. It is kept in a file
 * beside theirs, whose every line is a score and stays so.
 *
 * @param given the options of the run, as given: what people know it by, and not compared, for a
 *     model may be moved
 * @param fingerprint what is compared
 */
record ScoreRun(Map<String, String> given, Map<String, String> fingerprint) {

  private static final JsonMapper JSON =
      JsonMapper.builder()
          .enable(SerializationFeature.INDENT_OUTPUT)
          .enable(
              DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES,
              DeserializationFeature.FAIL_ON_NULL_CREATOR_PROPERTIES)
          .build();

  /** Where it is kept. */
  static Path file(Path output) {
    return output.resolveSibling(output.getFileName() + ".run.json");
  }

  /** What a run holds a lock on, so that no other one writes to {@code output} meanwhile. */
  static Path lock(Path output) {
    return output.resolveSibling(output.getFileName() + ".lock");
  }

  /**
   * What the scores in {@code output} depend on; empty if nothing says so.
   *
   * @throws IOException if there is something else in its place
   */
  static Optional<ScoreRun> read(Path output) throws IOException {
    Path file = file(output);
    if (!Files.exists(file)) {
      return Optional.empty();
    }
    try {
      return Optional.of(JSON.readValue(file.toFile(), ScoreRun.class));
    } catch (IOException e) {
      throw new IOException(
          "%s does not say of which run %s is: it is broken, or no output of this command. %s"
              .formatted(file, output, remedy(output)),
          e);
    }
  }

  /** Keeps this for {@code output}, which there is nothing of yet. */
  void keep(Path output) throws IOException {
    AtomicFiles.replaceFile(
        file(output), aside -> Files.write(aside, JSON.writeValueAsBytes(this)));
  }

  /**
   * Checks that scores may be appended to those in {@code output}.
   *
   * @param there what those depend on
   * @throws IOException saying what differs
   */
  void check(Path output, ScoreRun there) throws IOException {
    List<String> differences = Fingerprint.differences(there.fingerprint, fingerprint);
    if (!differences.isEmpty()) {
      throw new IOException(
          "%s is of another run: %s. Go on with %s, or %s"
              .formatted(
                  output,
                  String.join("; ", differences),
                  there.given.entrySet().stream()
                      .map(option -> option.getKey() + " " + option.getValue())
                      .collect(Collectors.joining(" ")),
                  toBeginAnew(output)));
    }
  }

  /** What to do where an earlier run cannot go on. */
  static String remedy(Path output) {
    String anew = toBeginAnew(output);
    return Character.toUpperCase(anew.charAt(0)) + anew.substring(1);
  }

  /** The same within a sentence. */
  static String toBeginAnew(Path output) {
    return "choose another --output, or remove %s, %s and %s to begin anew"
        .formatted(output, ScoreOutput.problems(output), file(output));
  }
}
