package dev.tallrec.tune;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.tallrec.files.AtomicFiles;
import dev.tallrec.json.JsonFiles;
import dev.tallrec.rec.Evaluation;
import dev.tallrec.train.TrainingResult;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a run measured.
 *
 * @param version of this file's form
 * @param machine what it ran on
 * @param inputs what it read, see {@link RunInputs}, so that another run is not taken for it
 * @param likedShare test AUC, by data set, of the baseline without parameters
 * @param stages the base as it is, then each stage that is complete
 */
public record RunResults(
    int version,
    String machine,
    Map<String, String> inputs,
    Map<String, Split> likedShare,
    List<Stage> stages) {

  static final int VERSION = 3;

  /** AUC on a data set's two parts that are not trained on. */
  public record Split(Evaluation valid, Evaluation test) {}

  /**
   * State of the model after a stage.
   *
   * @param name {@link #BASE}, {@link #INSTRUCTION} or {@link #REC}
   * @param scores by data set
   * @param training how the stage went; null for the base
   * @param seconds that training and scoring took, as {@link TrainingResult#seconds} counts
   */
  public record Stage(
      String name, Map<String, Split> scores, @Nullable TrainingResult training, double seconds) {

    /** The base as it is, before any tuning. */
    public static final String BASE = "base";

    /** After instruction tuning. */
    public static final String INSTRUCTION = "instruction";

    /** After rec-tuning. */
    public static final String REC = "rec";

    /** Scores on {@code data}, which the run was told to score. */
    public Split on(String data) {
      Split split = scores.get(data);
      if (split == null) {
        throw new IllegalArgumentException("the run has no scores on " + data);
      }
      return split;
    }
  }

  private static final JsonMapper JSON =
      JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();

  static RunResults read(Path file) throws IOException {
    try {
      RunResults results = JSON.readValue(file.toFile(), RunResults.class);
      if (results.version() != VERSION) {
        throw new IOException(file + " was written by another version of this program");
      }
      return results;
    } catch (JsonProcessingException e) {
      throw new IOException(JsonFiles.describe(file, e), e);
    }
  }

  void write(Path file) throws IOException {
    AtomicFiles.replaceFile(file, aside -> Files.write(aside, JSON.writeValueAsBytes(this)));
  }
}
