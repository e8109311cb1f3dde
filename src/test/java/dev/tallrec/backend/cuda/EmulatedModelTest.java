package dev.tallrec.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.tallrec.backend.Device;
import dev.tallrec.backend.DeviceMemoryException;
import dev.tallrec.backend.cpu.CpuDevice;
import dev.tallrec.lora.LoraAdapter;
import dev.tallrec.lora.LoraConfig;
import dev.tallrec.tensor.DType;
import dev.tallrec.testing.Fixtures;
import dev.tallrec.testing.LoadedModel;
import dev.tallrec.text.LabelledTokens;
import dev.tallrec.train.AdamWSettings;
import dev.tallrec.train.Schedule;
import dev.tallrec.train.Trainer;
import dev.tallrec.train.TrainingConfig;
import dev.tallrec.train.TrainingListener;
import dev.tallrec.train.TrainingResult;
import dev.tallrec.train.TrainingStoppedException;
import dev.tallrec.verify.Check;
import dev.tallrec.verify.Verification;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Whole models on the emulated device. */
@ParameterizedClass
@EnumSource
class EmulatedModelTest {

  private static final long MEMORY = 2L << 30;

  private final KernelBuild build;

  EmulatedModelTest(KernelBuild build) {
    build.assume();
    this.build = build;
  }

  /** Every fixture in every type, whichever it is stored in. */
  static List<Arguments> fixturesAndTypes() {
    List<Arguments> all = new ArrayList<>();
    for (DType type : List.of(DType.F32, DType.F16, DType.BF16)) {
      Fixtures.GOLDEN.forEach(name -> all.add(Arguments.of(name, type)));
    }
    return all;
  }

  @ParameterizedTest
  @MethodSource("fixturesAndTypes")
  void agreesWithPyTorchAndPeft(String fixture, DType type) throws Exception {
    try (Device device = new CudaDevice(build.driver(0, MEMORY), type)) {
      List<Check> checks = Verification.run(device, Fixtures.golden(fixture));
      assertThat(checks).isNotEmpty().allMatch(Check::passed);
    }
  }

  private static TrainingResult train(Device device, int savedLayers) throws Exception {
    return train(device, savedLayers, Optional.empty(), Integer.MAX_VALUE);
  }

  /** Stops after so many steps. */
  private static TrainingResult train(
      Device device, int savedLayers, Optional<Path> checkpoint, int steps) throws Exception {
    SplittableRandom random = new SplittableRandom(3);
    List<LabelledTokens> examples = new ArrayList<>();
    int[] prefix = random.ints(12, 3, 128).toArray();
    for (int i = 0; i < 12; i++) {
      int[] ids = random.ints(20 + random.nextInt(10), 3, 128).toArray();
      System.arraycopy(prefix, 0, ids, 0, prefix.length);
      boolean[] isLabel = new boolean[ids.length];
      Arrays.fill(isLabel, ids.length - 3, ids.length, true);
      examples.add(new LabelledTokens(ids, isLabel));
    }
    TrainingConfig config =
        new TrainingConfig(
            5e-3,
            Schedule.LINEAR,
            2,
            3,
            4,
            96,
            AdamWSettings.withDecay(0.01),
            1,
            true,
            savedLayers,
            0,
            0,
            5);
    try (LoadedModel model = LoadedModel.golden(device, "B_gqa_all_tied");
        LoraAdapter adapter = LoraAdapter.initial(model.config, LoraConfig.paper(), 2);
        Trainer trainer = new Trainer(model.network, adapter, config)) {
      int[] asked = new int[1];
      return trainer.train(
          examples, TrainingListener.SILENT, checkpoint, () -> ++asked[0] == steps);
    }
  }

  private static double[] losses(TrainingResult result) {
    return result.stepLog().stream().mapToDouble(TrainingListener.Step::loss).toArray();
  }

  @Test
  void trainsAsTheCpuDoes() throws Exception {
    double[] cpu = losses(train(new CpuDevice(2), 2));
    double[] gpu = losses(train(new CudaDevice(build.driver(0, MEMORY), DType.F32), 2));
    double[] half = losses(train(new CudaDevice(build.driver(0, MEMORY), DType.F16), 2));
    assertThat(cpu[cpu.length - 1]).isLessThan(cpu[0]);
    for (int i = 0; i < cpu.length; i++) {
      assertThat(gpu[i]).isCloseTo(cpu[i], within(1e-4 * cpu[i]));
      assertThat(half[i]).isCloseTo(cpu[i], within(2e-2 * cpu[i]));
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1})
  void anyOrderOfBlocksAndAnyRecomputationGivesTheSameBits(int savedLayers) throws Exception {
    double[] forward = losses(train(new CudaDevice(build.driver(0, MEMORY), DType.F16), 2));
    double[] backward =
        losses(train(new CudaDevice(build.driver(1, MEMORY), DType.F16), savedLayers));
    assertThat(backward).isEqualTo(forward);
  }

  /** A step whose gradients overflow is left out, and training goes on with half of the scale. */
  @Test
  void stepsThatOverflowAreSkipped(@TempDir Path directory) throws Exception {
    Path checkpoint = directory.resolve("checkpoint");
    assertThatThrownBy(() ->
            train(
                new CudaDevice(build.driver(0, MEMORY), DType.F16), 2, Optional.of(checkpoint), 2))
        .isInstanceOf(TrainingStoppedException.class);
    Path state = checkpoint.resolve("state.json");
    String saved = Files.readString(state);
    assertThat(saved).contains("65536.0");
    Files.writeString(state, saved.replace("65536.0", "4194304.0"));
    TrainingResult result =
        train(
            new CudaDevice(build.driver(0, MEMORY), DType.F16),
            2,
            Optional.of(checkpoint),
            Integer.MAX_VALUE);
    List<TrainingListener.Step> steps = result.stepLog();
    assertThat(steps).hasSize(9);
    assertThat(steps.get(2).applied()).isFalse();
    assertThat(steps.getLast().applied()).isTrue();
    assertThat(result.skippedSteps())
        .isEqualTo(steps.stream().filter(step -> !step.applied()).count());
    // No infinity reached the weights.
    assertThat(steps).allMatch(step -> Double.isFinite(step.loss()));
  }

  @Test
  void saysBeforeTheFirstStepThatMemoryIsShort() {
    assertThatThrownBy(() -> train(new CudaDevice(build.driver(0, 1 << 20), DType.F16), 2))
        .isInstanceOf(DeviceMemoryException.class);
  }
}
