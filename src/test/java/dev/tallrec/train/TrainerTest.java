package dev.tallrec.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.tallrec.backend.cpu.CpuDevice;
import dev.tallrec.llama.Workspace;
import dev.tallrec.lora.LoraAdapter;
import dev.tallrec.lora.LoraConfig;
import dev.tallrec.lora.LoraParameters;
import dev.tallrec.tensor.DType;
import dev.tallrec.tensor.Tensor;
import dev.tallrec.testing.LoadedModel;
import dev.tallrec.text.LabelledTokens;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TrainerTest {

  private static List<LabelledTokens> examples() {
    SplittableRandom random = new SplittableRandom(8);
    List<LabelledTokens> examples = new ArrayList<>();
    for (int i = 0; i < 10; i++) {
      int length = 12 + random.nextInt(8);
      int[] ids = random.ints(length, 3, 128).toArray();
      boolean[] isLabel = new boolean[length];
      isLabel[length - 1] = true;
      isLabel[length - 2] = true;
      examples.add(new LabelledTokens(ids, isLabel));
    }
    return examples;
  }

  private static TrainingConfig config(int microBatchTokens, boolean sharePrefix, int patience) {
    return new TrainingConfig(
        1e-2,
        Schedule.LINEAR,
        2,
        4,
        4,
        microBatchTokens,
        0.01,
        0.9,
        0.999,
        1e-8,
        1,
        sharePrefix,
        -1,
        3,
        patience,
        7);
  }

  private static float[] values(LoraAdapter adapter) {
    List<Float> all = new ArrayList<>();
    for (Tensor tensor : adapter.tensors()) {
      for (float value : tensor.toFloats()) {
        all.add(value);
      }
    }
    float[] flat = new float[all.size()];
    for (int i = 0; i < flat.length; i++) {
      flat[i] = all.get(i);
    }
    return flat;
  }

  private static LoraAdapter initial(LoadedModel model) {
    return LoraAdapter.initial(model.config, LoraConfig.paper(), 1);
  }

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
      assertThat(values(one)).isEqualTo(values(two));
    }
  }

  @Test
  void accumulationNormalizesOverTheWholeBatch() throws Exception {
    try (LoadedModel model = LoadedModel.golden(new CpuDevice(1), "A_mha_qv");
        LoraAdapter whole = LoraAdapter.zeros(model.config, model.adapter.config());
        LoraAdapter parts = LoraAdapter.zeros(model.config, model.adapter.config())) {
      whole.copyFrom(model.adapter);
      parts.copyFrom(model.adapter);
      double lossOfWhole = firstLoss(model, whole, 256);
      double lossOfParts = firstLoss(model, parts, 20);
      assertThat(lossOfParts).isCloseTo(lossOfWhole, within(1e-5));
      float[] right = values(whole);
      float[] ours = values(parts);
      for (int i = 0; i < right.length; i++) {
        assertThat(ours[i]).isCloseTo(right[i], within(2e-3f));
      }
    }
  }

  private static double firstLoss(LoadedModel model, LoraAdapter adapter, int microBatchTokens)
      throws Exception {
    try (Trainer trainer =
        new Trainer(model.network, adapter, config(microBatchTokens, false, 0))) {
      return trainer
          .train(examples(), TrainingListener.SILENT, Optional.empty(), () -> false)
          .stepLog()
          .getFirst()
          .loss();
    }
  }

  /** Gives scores in turn, whatever the adapter, whose values it keeps. */
  private static final class Scores implements Trainer.Evaluation {
    private final LoraAdapter adapter;
    private final double[] scores;
    private final List<float[]> seen = new ArrayList<>();

    Scores(LoraAdapter adapter, double... scores) {
      this.adapter = adapter;
      this.scores = scores;
    }

    @Override
    public int tokens() {
      return 1;
    }

    @Override
    public int sequences() {
      return 1;
    }

    @Override
    public double score(Workspace workspace) {
      ((LoraParameters) workspace.adapter()).download();
      seen.add(values(adapter));
      return scores[seen.size() - 1];
    }
  }

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
        try (Trainer trainer = new Trainer(model.network, stopped, config(256, true, 0))) {
          assertThatThrownBy(
                  () -> {
                    int[] steps = new int[1];
                    trainer.train(
                        examples(),
                        TrainingListener.SILENT,
                        Optional.of(checkpoint),
                        () -> ++steps[0] == 3);
                  })
              .isInstanceOf(TrainingStoppedException.class)
              .hasMessageContaining("checkpoint");
        }
      }
      TrainingResult resumed;
      try (Trainer trainer = new Trainer(model.network, stopped, config(256, true, 0))) {
        resumed =
            trainer.train(
                examples(), TrainingListener.SILENT, Optional.of(checkpoint), () -> false);
      }
      assertThat(values(stopped)).isEqualTo(values(straight));
      assertThat(resumed.stepLog().stream().map(TrainingListener.Step::loss))
          .containsExactlyElementsOf(
              right.stepLog().stream().map(TrainingListener.Step::loss).toList());
      try (Trainer trainer =
          new Trainer(model.network, stopped, config(256, true, 5), new Scores(stopped, 1))) {
        assertThatThrownBy(() ->
                trainer.train(
                    examples(), TrainingListener.SILENT, Optional.of(checkpoint), () -> false))
            .isInstanceOf(IOException.class)
            .hasMessageContaining("another run");
      }
    }
  }

  @Test
  void keepsTheBestAndStopsWhenPatienceRunsOut() throws Exception {
    try (LoadedModel model = LoadedModel.golden(new CpuDevice(1), "A_mha_qv");
        LoraAdapter adapter = initial(model)) {
      Scores scores = new Scores(adapter, 0.1, 0.5, 0.4, 0.3, 0.9);
      TrainingResult result;
      try (Trainer trainer = new Trainer(model.network, adapter, config(256, true, 2), scores)) {
        result = trainer.train(examples(), TrainingListener.SILENT, Optional.empty(), () -> false);
      }
      assertThat(result.stoppedEarly()).isTrue();
      assertThat(result.bestScore()).isEqualTo(0.5);
      assertThat(result.bestStep()).isEqualTo(3);
      assertThat(result.steps()).isEqualTo(9);
      assertThat(values(adapter)).isEqualTo(scores.seen.get(1));
    }
  }

  @Test
  void aBrokenCheckpointIsExplained(@TempDir Path directory) throws Exception {
    Files.writeString(directory.resolve("state.json"), "{");
    try (LoadedModel model = LoadedModel.golden(new CpuDevice(1), "A_mha_qv");
        LoraAdapter adapter = initial(model);
        Trainer trainer = new Trainer(model.network, adapter, config(256, true, 0))) {
      assertThatThrownBy(() ->
              trainer.train(
                  examples(), TrainingListener.SILENT, Optional.of(directory), () -> false))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("state.json");
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
          .hasMessageContaining("--memory-micro-batch-tokens");
    }
  }

  @Test
  void schedules() {
    assertThat(Schedule.LINEAR.factor(0, 4, 10)).isZero();
    assertThat(Schedule.LINEAR.factor(2, 4, 10)).isEqualTo(0.5);
    assertThat(Schedule.LINEAR.factor(7, 4, 10)).isEqualTo(0.5);
    assertThat(Schedule.COSINE.factor(7, 4, 10)).isCloseTo(0.5, within(1e-12));
    assertThat(Schedule.CONSTANT.factor(9, 4, 10)).isEqualTo(1);
  }

  @Test
  void lossScaleHalvesAndGivesUp() {
    LossScale scale = new LossScale(DType.F16);
    double before = scale.value();
    scale.update(false);
    assertThat(scale.value()).isEqualTo(before / 2);
    assertThatThrownBy(
            () -> {
              for (int i = 0; i < 50; i++) {
                scale.update(false);
              }
            })
        .isInstanceOf(ArithmeticException.class)
        .hasMessageContaining("lower the learning rate");
    assertThatThrownBy(() -> new LossScale(DType.F32).update(false))
        .isInstanceOf(ArithmeticException.class);
  }
}
