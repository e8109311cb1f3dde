package dev.tallrec.train;

import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.tallrec.backend.Device;
import dev.tallrec.backend.Matrix;
import dev.tallrec.lora.LoraAdapter;
import dev.tallrec.safetensors.AtomicFiles;
import dev.tallrec.safetensors.SafetensorsFile;
import dev.tallrec.safetensors.SafetensorsWriter;
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
  private static final JsonMapper JSON = new JsonMapper();

  /** The scalars. */
  record State(
      String fingerprint,
      long step,
      long optimizerSteps,
      LossScale.State lossScale,
      long bestStep,
      double bestScore,
      int evaluationsSinceBest,
      boolean stoppedEarly,
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

  static Checkpoint read(Path directory, String fingerprint) throws IOException {
    Path file = directory.resolve(STATE);
    State state;
    try {
      state = JSON.readValue(file.toFile(), State.class);
    } catch (IOException e) {
      throw new IOException(file + " is not a checkpoint of this program: " + e.getMessage(), e);
    }
    if (!state.fingerprint().equals(fingerprint)) {
      throw new IOException(
          directory
              + " is a checkpoint of another run ("
              + state.fingerprint()
              + "): remove it, or choose another output directory");
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

  /** Sets weights and moments to what they were. */
  void restore(Device device, LoraAdapter current, LoraAdapter best, AdamW optimizer)
      throws IOException {
    try (SafetensorsFile file = SafetensorsFile.open(directory.resolve(TENSORS))) {
      for (Tensor tensor : current.tensors()) {
        tensor.segment().copyFrom(file.tensor(tensor.name()).segment());
      }
      for (Tensor tensor : best.tensors()) {
        tensor.segment().copyFrom(file.tensor(BEST + tensor.name()).segment());
      }
      device.upload(file.tensor(FIRST_MOMENT).segment(), optimizer.firstMoment().bytes());
      device.upload(file.tensor(SECOND_MOMENT).segment(), optimizer.secondMoment().bytes());
    }
  }
}
