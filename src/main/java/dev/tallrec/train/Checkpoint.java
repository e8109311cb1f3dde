package dev.tallrec.train;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.tallrec.backend.Device;
import dev.tallrec.backend.Matrix;
import dev.tallrec.files.AtomicFiles;
import dev.tallrec.lora.LoraAdapter;
import dev.tallrec.safetensors.SafetensorsFile;
import dev.tallrec.safetensors.SafetensorsWriter;
import dev.tallrec.safetensors.TensorInfo;
import dev.tallrec.tensor.DType;
import dev.tallrec.tensor.Shape;
import dev.tallrec.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * A run's whole state in a directory: state.json, and state.safetensors with the current and the
 * best weights and AdamW's moments. Written aside and renamed, so a kill at any instant leaves a
 * whole one.
 */
final class Checkpoint {

  private static final String STATE = "state.json";
  private static final String TENSORS = "state.safetensors";
  private static final String FIRST_MOMENT = "first_moment";
  private static final String SECOND_MOMENT = "second_moment";
  private static final String BEST = "best.";
  private static final JsonMapper JSON =
      JsonMapper.builder()
          .enable(
              DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES,
              DeserializationFeature.FAIL_ON_NULL_CREATOR_PROPERTIES)
          .build();

  /**
   * The scalars.
   *
   * @param fingerprint as {@link Fingerprint} makes it
   * @param seconds that the run has taken
   */
  record State(
      Map<String, String> fingerprint,
      long step,
      long optimizerSteps,
      LossScale.State lossScale,
      long bestStep,
      double bestScore,
      int evaluationsSinceBest,
      boolean stoppedEarly,
      double seconds,
      List<TrainingListener.Step> stepLog,
      List<TrainingListener.Evaluated> evaluationLog) {}

  private final Path directory;
  private final State state;

  private Checkpoint(Path directory, State state) {
    this.directory = directory;
    this.state = state;
  }

  static boolean exists(Path directory) throws IOException {
    AtomicFiles.recover(directory);
    return Files.exists(directory.resolve(STATE));
  }

  /**
   * Reads the scalars.
   *
   * @param fingerprint of the run that is to go on
   * @throws IOException if they are broken, or of a run with another fingerprint
   */
  static Checkpoint read(Path directory, Map<String, String> fingerprint) throws IOException {
    Path file = directory.resolve(STATE);
    State state;
    try {
      state = JSON.readValue(file.toFile(), State.class);
    } catch (JsonProcessingException e) {
      throw new IOException(
          "%s is not a checkpoint of this program, or is one of another version; remove %s to begin anew: %s"
              .formatted(file, directory, e.getMessage()),
          e);
    }
    List<String> differences = Fingerprint.differences(state.fingerprint(), fingerprint);
    if (!differences.isEmpty()) {
      throw new IOException(
          "%s is a checkpoint of another run: %s. %s"
              .formatted(
                  directory,
                  String.join("; ", differences),
                  Fingerprint.remedy(state.fingerprint(), fingerprint)));
    }
    return new Checkpoint(directory, state);
  }

  State state() {
    return state;
  }

  static void write(
      Path directory,
      State state,
      Device device,
      LoraAdapter current,
      LoraAdapter best,
      AdamW optimizer)
      throws IOException {
    try (Arena arena = Arena.ofShared()) {
      List<Tensor> tensors = new ArrayList<>(current.tensors());
      for (Tensor tensor : best.tensors()) {
        tensors.add(
            new Tensor(BEST + tensor.name(), tensor.dtype(), tensor.shape(), tensor.segment()));
      }
      tensors.add(download(device, arena, FIRST_MOMENT, optimizer.firstMoment()));
      tensors.add(download(device, arena, SECOND_MOMENT, optimizer.secondMoment()));
      AtomicFiles.replaceDirectory(
          directory,
          aside -> {
            Files.write(aside.resolve(STATE), JSON.writeValueAsBytes(state));
            SafetensorsWriter.write(aside.resolve(TENSORS), Map.of(), tensors);
          });
    }
  }

  private static Tensor download(Device device, Arena arena, String name, Matrix vector) {
    Tensor tensor = Tensor.allocate(arena, name, DType.F32, Shape.of(vector.columns()));
    device.download(vector.bytes(), tensor.segment());
    return tensor;
  }

  /**
   * Sets weights and moments to what they were.
   *
   * @throws IOException naming the tensor that is missing, left over or misshapen
   */
  void restore(Device device, LoraAdapter current, LoraAdapter best, AdamW optimizer)
      throws IOException {
    try (SafetensorsFile file = SafetensorsFile.open(directory.resolve(TENSORS))) {
      Set<String> left =
          file.tensors().stream()
              .map(TensorInfo::name)
              .collect(Collectors.toCollection(TreeSet::new));
      for (Tensor tensor : current.tensors()) {
        copy(file, tensor.name(), tensor, left);
      }
      for (Tensor tensor : best.tensors()) {
        copy(file, BEST + tensor.name(), tensor, left);
      }
      upload(device, file, FIRST_MOMENT, optimizer.firstMoment(), left);
      upload(device, file, SECOND_MOMENT, optimizer.secondMoment(), left);
      if (!left.isEmpty()) {
        throw new IOException(
            "%s holds %s, which this run has not".formatted(file.path(), left.iterator().next()));
      }
    }
  }

  private static void copy(SafetensorsFile file, String name, Tensor target, Set<String> left)
      throws IOException {
    target.segment().copyFrom(saved(file, name, target.shape(), left).segment());
  }

  private static void upload(
      Device device, SafetensorsFile file, String name, Matrix target, Set<String> left)
      throws IOException {
    Tensor saved = saved(file, name, Shape.of(target.columns()), left);
    device.upload(saved.segment(), target.bytes());
  }

  /** The tensor, which must be F32 of that shape; takes it from those {@code left}. */
  private static Tensor saved(SafetensorsFile file, String name, Shape shape, Set<String> left)
      throws IOException {
    Tensor tensor = file.tensor(name);
    if (tensor.dtype() != DType.F32 || !tensor.shape().equals(shape)) {
      throw new IOException(
          "%s: %s is %s %s, this run's is F32 %s"
              .formatted(file.path(), name, tensor.dtype(), tensor.shape(), shape));
    }
    left.remove(name);
    return tensor;
  }
}
