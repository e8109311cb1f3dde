package dev.tallrec.train;

import static dev.tallrec.train.SmallTraining.config;
import static dev.tallrec.train.SmallTraining.examples;
import static dev.tallrec.train.SmallTraining.initial;
import static dev.tallrec.train.SmallTraining.weightsOf;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.tallrec.backend.DeviceMemoryException;
import dev.tallrec.backend.cpu.CpuDevice;
import dev.tallrec.lora.LoraAdapter;
import dev.tallrec.tensor.DType;
import dev.tallrec.testing.FailingDevice;
import dev.tallrec.testing.LoadedModel;
import dev.tallrec.text.LabelledTokens;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class TrainerTest {

  @Test
  void learnsAndGivesTheSameBitsAgain() throws Exception {
    try (LoadedModel model = LoadedModel.golden(new CpuDevice(2), "A_mha_qv");
        LoraAdapter one = initial(model);
        LoraAdapter two = initial(model)) {
      TrainingResult result;
      try (Trainer trainer = new Trainer(model.network, one, config(256, true, 0))) {
        result = trainer.train(examples(), TrainingListener.SILENT, Optional.empty(), () -> false);
      }
      try (Trainer trainer = new Trainer(model.network, two, config(256, true, 0))) {
        trainer.train(examples(), TrainingListener.SILENT, Optional.empty(), () -> false);
      }
      assertThat(result.steps()).isEqualTo(12);
      assertThat(result.stepLog().getLast().loss())
          .isLessThan(0.9 * result.stepLog().getFirst().loss());
      assertThat(weightsOf(one)).isEqualTo(weightsOf(two));
    }
  }

  /** Examples with one label and with many: a mean of micro-batches' means would be another. */
  private static List<LabelledTokens> unevenlyLabelled() {
    List<LabelledTokens> examples = new ArrayList<>();
    for (LabelledTokens example : examples()) {
      int length = example.ids().length;
      boolean[] isLabel = new boolean[length];
      Arrays.fill(isLabel, length - 1 - 3 * (examples.size() % 4), length, true);
      examples.add(new LabelledTokens(example.ids(), isLabel));
    }
    return examples;
  }

  /** Gradients are compared by their norm: AdamW and clipping all but undo a factor in them. */
  @Test
  void accumulationNormalizesOverTheWholeBatch() throws Exception {
    try (LoadedModel model = LoadedModel.golden(new CpuDevice(1), "A_mha_qv");
        LoraAdapter whole = LoraAdapter.zeros(model.config, model.adapter.config());
        LoraAdapter parts = LoraAdapter.zeros(model.config, model.adapter.config())) {
      whole.copyFrom(model.adapter);
      parts.copyFrom(model.adapter);
      TrainingListener.Step right = firstStep(model, whole, 256);
      TrainingListener.Step ours = firstStep(model, parts, 20);
      assertThat(ours.loss()).isCloseTo(right.loss(), within(1e-5 * right.loss()));
      assertThat(ours.gradientNorm())
          .isCloseTo(right.gradientNorm(), within(1e-5 * right.gradientNorm()));
    }
  }

  private static TrainingListener.Step firstStep(
      LoadedModel model, LoraAdapter adapter, int microBatchTokens) throws Exception {
    try (Trainer trainer =
        new Trainer(model.network, adapter, config(microBatchTokens, false, 0))) {
      return trainer
          .train(unevenlyLabelled(), TrainingListener.SILENT, Optional.empty(), () -> false)
          .stepLog()
          .getFirst();
    }
  }

  @Test
  void keepsTheBestAndStopsWhenPatienceRunsOut() throws Exception {
    try (LoadedModel model = LoadedModel.golden(new CpuDevice(1), "A_mha_qv");
        LoraAdapter adapter = initial(model)) {
      // The first is that of the untrained adapter.
      double[] scores = {0.8, 0.5, 0.4, 0.3, 0.9};
      int[] calls = new int[1];
      List<float[]> seen = new ArrayList<>();
      TrainingResult result;
      Trainer.Evaluation given =
          new SmallTraining.Scored(parameters -> {
            parameters.download();
            seen.add(weightsOf(adapter));
            return scores[calls[0]++];
          });
      try (Trainer trainer = new Trainer(model.network, adapter, config(256, true, 2), given)) {
        result = trainer.train(examples(), TrainingListener.SILENT, Optional.empty(), () -> false);
      }
      assertThat(result.stoppedEarly()).isTrue();
      assertThat(result.bestScore()).isEqualTo(0.5);
      assertThat(result.bestStep()).isEqualTo(3);
      assertThat(result.steps()).isEqualTo(9);
      assertThat(result.evaluationLog())
          .containsExactly(
              new TrainingListener.Evaluated(0, 0.8, false),
              new TrainingListener.Evaluated(3, 0.5, true),
              new TrainingListener.Evaluated(6, 0.4, false),
              new TrainingListener.Evaluated(9, 0.3, false));
      assertThat(weightsOf(adapter)).isEqualTo(seen.get(1));
    }
  }

  @Test
  void whereverMemoryIsShortNothingStaysOpen() throws Exception {
    FailingDevice device = new FailingDevice(new CpuDevice(1));
    try (LoadedModel model = LoadedModel.golden(device, "A_mha_qv");
        LoraAdapter adapter = initial(model)) {
      int before = device.openArenas();
      int failed = 0;
      for (boolean made = false; !made; ) {
        device.failAfter(failed);
        try {
          new Trainer(model.network, adapter, config(256, true, 0)).close();
          made = true;
        } catch (DeviceMemoryException e) {
          assertThat(e).hasMessage(FailingDevice.MESSAGE);
          failed++;
        }
        assertThat(device.openArenas()).as("arenas after %d calls", failed).isEqualTo(before);
      }
      // Masters, gradients, two moments, and a buffer of every layer at least.
      assertThat(failed).isGreaterThan(4 + model.config.numHiddenLayers());
    }
  }

  @Test
  void nothingToTrainOnAndTooLongExamplesAreErrors() throws Exception {
    try (LoadedModel model = LoadedModel.golden(new CpuDevice(1), "A_mha_qv");
        LoraAdapter adapter = initial(model);
        Trainer trainer = new Trainer(model.network, adapter, config(8, true, 0))) {
      assertThatThrownBy(() ->
              trainer.train(List.of(), TrainingListener.SILENT, Optional.empty(), () -> false))
          .hasMessageContaining("no examples");
      assertThatThrownBy(() ->
              trainer.train(examples(), TrainingListener.SILENT, Optional.empty(), () -> false))
          .hasMessageContaining("micro_batch_tokens");
    }
  }

  @Test
  void schedules() {
    assertThat(Schedule.LINEAR.factor(0, 4, 10)).isZero();
    assertThat(Schedule.LINEAR.factor(2, 4, 10)).isEqualTo(0.5);
    assertThat(Schedule.LINEAR.factor(7, 4, 10)).isEqualTo(0.5);
    assertThat(Schedule.LINEAR.factor(6, 4, 12)).isEqualTo(0.75);
    assertThat(Schedule.COSINE.factor(7, 4, 10)).isCloseTo(0.5, within(1e-12));
    // (1 + cos(pi / 4)) / 2.
    assertThat(Schedule.COSINE.factor(6, 4, 12)).isCloseTo(0.8535533905932737, within(1e-12));
    assertThat(Schedule.CONSTANT.factor(9, 4, 10)).isEqualTo(1);
  }

  @Test
  void lossScaleHalvesAndGivesUp() {
    LossScale scale = new LossScale(DType.F16);
    double before = scale.value();
    scale.update(false);
    assertThat(scale.value()).isEqualTo(before / 2);
    while (scale.value() > 1) {
      scale.update(false);
    }
    // 2 to the power of 16, halved so many times.
    assertThat(scale.skipped()).isEqualTo(16);
    assertThatThrownBy(() -> scale.update(false))
        .isInstanceOf(ArithmeticException.class)
        .hasMessageContaining("lower the learning rate");
    assertThatThrownBy(() -> new LossScale(DType.F32).update(false))
        .isInstanceOf(ArithmeticException.class);
  }

  @Test
  void lossScaleGrowsAfterManyGoodStepsInARow() {
    LossScale scale = new LossScale(DType.F16);
    double before = scale.value();
    for (int i = 0; i < 1999; i++) {
      scale.update(true);
    }
    scale.update(false);
    assertThat(scale.value()).isEqualTo(before / 2);
    for (int i = 0; i < 1999; i++) {
      scale.update(true);
    }
    LossScale resumed = new LossScale(DType.F16);
    resumed.restore(scale.state());
    assertThat(resumed.value()).isEqualTo(before / 2);
    assertThat(resumed.skipped()).isEqualTo(1);
    resumed.update(true);
    assertThat(resumed.value()).isEqualTo(before);
    LossScale wide = new LossScale(DType.BF16);
    for (int i = 0; i < 2000; i++) {
      wide.update(true);
    }
    assertThat(wide.value()).isEqualTo(1);
  }
}
