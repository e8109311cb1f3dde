package dev.tallrec.train;

import static dev.tallrec.train.SmallTraining.config;
import static dev.tallrec.train.SmallTraining.examples;
import static dev.tallrec.train.SmallTraining.initial;
import static dev.tallrec.train.SmallTraining.weightsOf;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tallrec.backend.Device;
import dev.tallrec.backend.cpu.CpuDevice;
import dev.tallrec.lora.LoraAdapter;
import dev.tallrec.lora.LoraConfig;
import dev.tallrec.lora.ModulePattern;
import dev.tallrec.safetensors.SafetensorsFile;
import dev.tallrec.safetensors.SafetensorsWriter;
import dev.tallrec.safetensors.TensorInfo;
import dev.tallrec.tensor.DType;
import dev.tallrec.tensor.Shape;
import dev.tallrec.tensor.Tensor;
import dev.tallrec.testing.Fixtures;
import dev.tallrec.testing.LoadedModel;
import dev.tallrec.testing.OneDnnLibrary;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Runs that were stopped or killed, and what cannot be gone on with. */
class CheckpointTest {

  @Test
  void goesOnAfterAStopAsIfThereHadBeenNone(@TempDir Path directory) throws Exception {
    try (LoadedModel model = LoadedModel.golden(new CpuDevice(2), "A_mha_qv");
        LoraAdapter straight = initial(model);
        LoraAdapter stopped = initial(model)) {
      TrainingResult right;
      try (Trainer trainer = new Trainer(model.network, straight, config(256, true, 0))) {
        right = trainer.train(examples(), TrainingListener.SILENT, Optional.empty(), () -> false);
      }
      Path checkpoint = directory.resolve("checkpoint");
      for (int stop = 0; stop < 3; stop++) {
        stopAfter(3, model, stopped, config(256, true, 0), null, checkpoint);
      }
      TrainingResult resumed;
      try (Trainer trainer = new Trainer(model.network, stopped, config(256, true, 0))) {
        resumed =
            trainer.train(
                examples(), TrainingListener.SILENT, Optional.of(checkpoint), () -> false);
      }
      assertThat(weightsOf(stopped)).isEqualTo(weightsOf(straight));
      assertThat(losses(resumed)).isEqualTo(losses(right));
      assertThat(resumed.seconds())
          .as("of all four calls")
          .isGreaterThanOrEqualTo(
              resumed.stepLog().stream().mapToDouble(TrainingListener.Step::seconds).sum());
    }
  }

  private static void stopAfter(
      int steps,
      LoadedModel model,
      LoraAdapter adapter,
      TrainingConfig config,
      Trainer.@Nullable Evaluation evaluation,
      Path checkpoint) {
    int[] asked = new int[1];
    try (Trainer trainer = new Trainer(model.network, adapter, config, evaluation)) {
      assertThatThrownBy(() ->
              trainer.train(
                  examples(),
                  TrainingListener.SILENT,
                  Optional.of(checkpoint),
                  () -> ++asked[0] == steps))
          .isInstanceOf(TrainingStoppedException.class)
          .hasMessageContaining(checkpoint.toString());
    }
  }

  /** Leaves a checkpoint of two steps. */
  private static void stopAfterTwo(Device device, TrainingConfig config, Path checkpoint)
      throws IOException {
    try (LoadedModel model = LoadedModel.golden(device, "A_mha_qv");
        LoraAdapter adapter = initial(model)) {
      stopAfter(2, model, adapter, config, null, checkpoint);
    }
  }

  private static List<Double> losses(TrainingResult result) {
    return result.stepLog().stream().map(TrainingListener.Step::loss).toList();
  }

  /** Two epochs and more: evaluated every 2 of 12 steps, ended by 2 that are not the best. */
  private static TrainingConfig evaluated() {
    TrainingConfig like = config(256, true, 2);
    return new TrainingConfig(
        like.learningRate(),
        like.schedule(),
        like.warmupSteps(),
        like.epochs(),
        like.batchSize(),
        like.microBatchTokens(),
        like.adamW(),
        like.maxGradientNorm(),
        like.sharePrefix(),
        like.savedLayers(),
        2,
        like.patience(),
        like.seed());
  }

  private static double norm(LoraAdapter adapter) {
    double sum = 0;
    for (float value : weightsOf(adapter)) {
      sum += (double) value * value;
    }
    return Math.sqrt(sum);
  }

  /** Scores weights by how near their norm is to {@code best}. */
  private static Trainer.Evaluation nearest(double best, LoraAdapter adapter) {
    return new SmallTraining.Scored(parameters -> {
      parameters.download();
      return -Math.abs(norm(adapter) - best);
    });
  }

  private static TrainingResult goOn(
      LoadedModel model, LoraAdapter adapter, double best, Path checkpoint) throws Exception {
    try (Trainer trainer =
        new Trainer(model.network, adapter, evaluated(), nearest(best, adapter))) {
      return trainer.train(
          examples(), TrainingListener.SILENT, Optional.of(checkpoint), () -> false);
    }
  }

  @Test
  void bestAndPatienceComeOutOfACheckpointWhereverItStopped(@TempDir Path directory)
      throws Exception {
    try (LoadedModel model = LoadedModel.golden(new CpuDevice(2), "A_mha_qv");
        LoraAdapter straight = initial(model)) {
      List<Double> norms = new ArrayList<>();
      try (LoraAdapter measured = initial(model);
          Trainer trainer =
              new Trainer(
                  model.network,
                  measured,
                  evaluated(),
                  new SmallTraining.Scored(parameters -> {
                    parameters.download();
                    norms.add(norm(measured));
                    return norms.size();
                  }))) {
        trainer.train(examples(), TrainingListener.SILENT, Optional.empty(), () -> false);
      }
      double best = norms.get(2);
      Path whole = directory.resolve("whole");
      TrainingResult right = goOn(model, straight, best, whole);
      assertThat(right.bestStep()).isEqualTo(4);
      assertThat(right.bestScore()).isZero();
      assertThat(right.steps()).isEqualTo(8);
      assertThat(right.stoppedEarly()).isTrue();
      assertThat(norm(straight)).isEqualTo(best);
      for (int steps = 1; steps < 8; steps++) {
        Path stoppedAt = directory.resolve("stopped-" + steps);
        Path killedAt = directory.resolve("killed-" + steps);
        try (LoraAdapter stopped = initial(model);
            LoraAdapter killed = initial(model)) {
          stopAfter(steps, model, stopped, evaluated(), nearest(best, stopped), stoppedAt);
          assertTheSame(goOn(model, stopped, best, stoppedAt), right);
          assertThat(weightsOf(stopped))
              .as("stopped after %d", steps)
              .isEqualTo(weightsOf(straight));
          killAfter(steps, model, killed, nearest(best, killed), killedAt);
        }
        // As a new process would: nothing is left but the checkpoint.
        try (LoraAdapter another = initial(model)) {
          assertTheSame(goOn(model, another, best, killedAt), right);
          assertThat(weightsOf(another))
              .as("killed after %d", steps)
              .isEqualTo(weightsOf(straight));
        }
      }
      // Killed when all was done: the checkpoint says that patience has run out.
      try (LoraAdapter another = initial(model)) {
        assertTheSame(goOn(model, another, best, whole), right);
        assertThat(weightsOf(another)).isEqualTo(weightsOf(straight));
      }
    }
  }

  @Test
  void anEvaluationThatWasStoppedIsMadeAgainAndNoStepBeforeIt(@TempDir Path directory)
      throws Exception {
    try (LoadedModel model = LoadedModel.golden(new CpuDevice(2), "A_mha_qv");
        LoraAdapter straight = initial(model)) {
      TrainingResult right = goOn(model, straight, 0, directory.resolve("whole"));
      for (int count = 1; count <= right.evaluationLog().size(); count++) {
        Path checkpoint = directory.resolve("stopped-" + count);
        int last = count;
        int[] made = new int[1];
        try (LoraAdapter stopped = initial(model)) {
          Trainer.Evaluation evaluation = nearest(0, stopped);
          Trainer.Evaluation ended =
              new SmallTraining.Stopping(evaluation, () -> ++made[0] == last);
          try (Trainer trainer = new Trainer(model.network, stopped, evaluated(), ended)) {
            assertThatThrownBy(() ->
                    trainer.train(
                        examples(), TrainingListener.SILENT, Optional.of(checkpoint), () -> false))
                .isInstanceOf(TrainingStoppedException.class)
                .hasMessageContaining(
                    "stopped after step " + right.evaluationLog().get(count - 1).step());
          }
        }
        List<Long> steps = new ArrayList<>();
        try (LoraAdapter another = initial(model);
            Trainer trainer =
                new Trainer(model.network, another, evaluated(), nearest(0, another))) {
          TrainingListener counting =
              new TrainingListener() {
                @Override
                public void onStep(Step step) {
                  steps.add(step.step());
                }

                @Override
                public void onEvaluation(Evaluated evaluated) {}
              };
          assertTheSame(
              trainer.train(examples(), counting, Optional.of(checkpoint), () -> false), right);
          assertThat(weightsOf(another)).isEqualTo(weightsOf(straight));
        }
        assertThat(steps)
            .hasSize((int) (right.steps() - right.evaluationLog().get(count - 1).step()));
      }
    }
  }

  private static void assertTheSame(TrainingResult ours, TrainingResult right) {
    assertThat(losses(ours)).isEqualTo(losses(right));
    assertThat(ours.evaluationLog()).isEqualTo(right.evaluationLog());
    assertThat(ours.bestStep()).isEqualTo(right.bestStep());
    assertThat(ours.bestScore()).isEqualTo(right.bestScore());
    assertThat(ours.steps()).isEqualTo(right.steps());
    assertThat(ours.stoppedEarly()).isEqualTo(right.stoppedEarly());
  }

  /** Ends without saving: a checkpoint is that of the last evaluation, if there was one. */
  private static void killAfter(
      int steps,
      LoadedModel model,
      LoraAdapter adapter,
      Trainer.Evaluation evaluation,
      Path checkpoint) {
    TrainingListener killer =
        new TrainingListener() {
          @Override
          public void onStep(Step step) {
            if (step.step() == steps) {
              throw new IllegalStateException("killed");
            }
          }

          @Override
          public void onEvaluation(Evaluated evaluated) {}
        };
    try (Trainer trainer = new Trainer(model.network, adapter, evaluated(), evaluation)) {
      assertThatThrownBy(
              () -> trainer.train(examples(), killer, Optional.of(checkpoint), () -> false))
          .hasMessage("killed");
    }
  }

  /** Goes on, with this configuration on this device, from a checkpoint that cannot be its own. */
  private static void refuse(
      Device device, Path base, TrainingConfig config, Path checkpoint, String... named)
      throws Exception {
    try (LoadedModel model =
            new LoadedModel(device, base, Fixtures.golden("A_mha_qv").resolve("adapter"));
        LoraAdapter adapter = initial(model);
        Trainer trainer = new Trainer(model.network, adapter, config)) {
      assertThatThrownBy(() ->
              trainer.train(
                  examples(), TrainingListener.SILENT, Optional.of(checkpoint), () -> false))
          .isInstanceOf(IOException.class)
          .hasMessageContainingAll(named);
    }
  }

  @Test
  void aCheckpointOfAnotherRunIsRefusedByWhatDiffers(@TempDir Path directory) throws Exception {
    Path base = Fixtures.golden("A_mha_qv").resolve("model");
    TrainingConfig config = config(256, true, 0);
    Path checkpoint = directory.resolve("checkpoint");
    stopAfterTwo(new CpuDevice(1), config, checkpoint);
    refuse(
        new CpuDevice(1),
        base,
        config(200, true, 5),
        checkpoint,
        "another run: micro_batch_tokens is 256 there and 200 here; patience is 0 there and 5 here.",
        "another output directory");
    Path other = Files.createDirectory(directory.resolve("other"));
    Files.copy(base.resolve("config.json"), other.resolve("config.json"));
    byte[] weights = Files.readAllBytes(base.resolve("model.safetensors"));
    int header = ByteBuffer.wrap(weights).order(ByteOrder.LITTLE_ENDIAN).getInt();
    weights[Long.BYTES + header] ^= 1;
    Files.write(other.resolve("model.safetensors"), weights);
    refuse(new CpuDevice(1), other, config, checkpoint, "another run: base.checksum is ");
    String text = Files.readString(base.resolve("config.json"));
    Files.writeString(
        other.resolve("config.json"),
        text.replaceFirst("\"rms_norm_eps\": [^,]+", "\"rms_norm_eps\": 0.5"));
    refuse(new CpuDevice(1), other, config, checkpoint, "base.rms_norm_eps is ", "and 0.5 here");
  }

  @Test
  void aCheckpointDoesNotGoOnInAnotherType(@TempDir Path directory) throws Exception {
    Path base = Fixtures.golden("A_mha_qv").resolve("model");
    TrainingConfig config = config(256, true, 0);
    Path checkpoint = directory.resolve("checkpoint");
    stopAfterTwo(OneDnnLibrary.device(1), config, checkpoint);
    refuse(
        new CpuDevice(1),
        base,
        config,
        checkpoint,
        "another run: product_type is BF16 there and F32 here."
            + " Go on with --device cpu --compute-type BF16");
  }

  @Test
  void anotherTypeIsRefusedWithTheWayToGoOn() {
    assertThat(Fingerprint.remedy(types("F16", "F16"), types("F32", "F32")))
        .contains("--device cuda --compute-type F16");
    assertThat(Fingerprint.remedy(types("F32", "BF16"), types("F16", "F16")))
        .contains("--device cpu --compute-type BF16");
    assertThat(Fingerprint.remedy(types("F32", "F32"), types("F16", "F16")))
        .contains("with --compute-type F32");
    assertThat(Fingerprint.differences(Map.of("a", "1"), Map.of("a", "1", "b", "2")))
        .containsExactly("b is not set there and 2 here");
  }

  private static Map<String, String> types(String compute, String product) {
    return Map.of("compute_type", compute, "product_type", product, "epochs", "4");
  }

  @Test
  void everythingThatStepsDependOnIsInTheFingerprint() throws Exception {
    try (LoadedModel model = LoadedModel.golden(new CpuDevice(1), "A_mha_qv")) {
      LoraConfig plain = LoraConfig.paper();
      LoraConfig all =
          new LoraConfig(
              4,
              8,
              0.1,
              plain.targets(),
              true,
              Optional.of(Set.of(1)),
              new ModulePattern<>(Map.of("q_proj", 2)),
              new ModulePattern<>(Map.of("v_proj", 3.0)));
      TrainingConfig config = config(256, true, 0);
      Map<String, String> one = Fingerprint.of(model.network, plain, config, examples());
      assertThat(one)
          .containsEntry("compute_type", "F32")
          .containsEntry("product_type", "F32")
          .containsEntry("lora.target_modules", "q_proj,v_proj")
          .containsEntry("learning_rate", "0.01")
          .containsEntry("examples", "10");
      Map<String, String> two =
          Fingerprint.of(model.network, all, config, examples().subList(0, 9));
      assertThat(Fingerprint.differences(one, two).stream().map(line -> line.split(" ")[0]))
          .containsExactly(
              "lora.r",
              "lora.alpha",
              "lora.dropout",
              "examples",
              "examples_hash",
              "lora.use_rslora",
              "lora.layers_to_transform",
              "lora.rank_pattern",
              "lora.alpha_pattern");
    }
  }

  @Test
  void aBrokenCheckpointIsExplained(@TempDir Path directory) throws Exception {
    Path base = Fixtures.golden("A_mha_qv").resolve("model");
    TrainingConfig config = config(256, true, 0);
    Path checkpoint = directory.resolve("checkpoint");
    stopAfterTwo(new CpuDevice(1), config, checkpoint);
    Path tensors = checkpoint.resolve("state.safetensors");
    byte[] whole = Files.readAllBytes(tensors);
    for (int change = 0; change < 4; change++) {
      Files.write(tensors, whole);
      String named = rewrite(tensors, change);
      refuse(new CpuDevice(1), base, config, checkpoint, "state.safetensors", named);
    }
    Path state = checkpoint.resolve("state.json");
    String text = Files.readString(state);
    Files.writeString(state, text.replaceFirst("\"bestStep\":0,", ""));
    refuse(new CpuDevice(1), base, config, checkpoint, "state.json", "bestStep");
    Files.writeString(
        state, text.replaceFirst("\"fingerprint\":\\{[^}]*}", "\"fingerprint\":\"x\""));
    refuse(new CpuDevice(1), base, config, checkpoint, "state.json", "another version");
    Files.writeString(state, "{");
    refuse(new CpuDevice(1), base, config, checkpoint, "state.json");
  }

  /** Writes the tensors with one changed; returns what of it must be named. */
  private static String rewrite(Path file, int change) throws IOException {
    Path changed = file.resolveSibling("changed");
    String named;
    try (SafetensorsFile saved = SafetensorsFile.open(file);
        Arena arena = Arena.ofShared()) {
      List<Tensor> tensors = new ArrayList<>();
      for (TensorInfo info : saved.tensors()) {
        tensors.add(saved.tensor(info.name()));
      }
      Tensor first = tensors.removeFirst();
      named = first.name();
      switch (change) {
        case 0 -> tensors.add(Tensor.allocate(arena, first.name(), DType.F32, Shape.of(1)));
        case 1 -> tensors.add(Tensor.allocate(arena, first.name(), DType.F16, first.shape()));
        case 2 -> {
          tensors.add(first);
          tensors.add(Tensor.allocate(arena, "one.more", DType.F32, Shape.of(1)));
          named = "one.more";
        }
        default -> {}
      }
      SafetensorsWriter.write(changed, Map.of(), tensors);
    }
    Files.move(changed, file, StandardCopyOption.REPLACE_EXISTING);
    return named;
  }
}
