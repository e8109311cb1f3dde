package dev.tallrec.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.tallrec.backend.cpu.CpuDevice;
import dev.tallrec.llama.TokenBatch;
import dev.tallrec.llama.Workspace;
import dev.tallrec.llama.WorkspacePlan;
import dev.tallrec.testing.LoadedModel;
import dev.tallrec.testing.OneDnnLibrary;
import java.io.IOException;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Training with products of bf16 factors on the CPU. */
class BFloat16StepTest {

  private static final int LENGTH = 24;
  private static final int SEQUENCES = 3;
  private static final int STEPS = 30;

  /** Losses of steps on one batch, dropout off. */
  private static double[] losses(CpuDevice device, String fixture) throws IOException {
    try (LoadedModel model = LoadedModel.golden(device, fixture);
        AdamW optimizer = new AdamW(model.device, model.parameters, AdamWSettings.withDecay(0));
        Workspace workspace =
            model.workspace(
                WorkspacePlan.forTraining(model.config, SEQUENCES * LENGTH, SEQUENCES, 1))) {
      TokenBatch batch = new TokenBatch(SEQUENCES * LENGTH, SEQUENCES);
      SplittableRandom random = new SplittableRandom(6);
      for (int i = 0; i < SEQUENCES; i++) {
        int[] ids = random.ints(LENGTH, 3, model.config.vocabSize()).toArray();
        boolean[] isLabel = new boolean[LENGTH];
        Arrays.fill(isLabel, 1, LENGTH, true);
        batch.addExample(ids, isLabel, 0, LENGTH, TokenBatch.NO_PREFIX, 1);
      }
      double[] losses = new double[STEPS];
      for (int step = 0; step < STEPS; step++) {
        float scale = (float) (1 / batch.labelWeight());
        losses[step] = model.network.lossAndGradients(workspace, batch, scale, 0, 1) * scale;
        optimizer.step(1e-2, 1, 1);
      }
      return losses;
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"A_mha_qv", "C_fp16_sharded_headdim", "D_bf16_llama3rope"})
  void learnsAsInFp32(String fixture) throws IOException {
    double[] rounded = losses(OneDnnLibrary.device(2), fixture);
    double[] exact = losses(new CpuDevice(2), fixture);
    assertThat(rounded[0]).isNotEqualTo(exact[0]).isCloseTo(exact[0], within(1e-2 * exact[0]));
    assertThat(rounded[STEPS - 1])
        .isLessThan(0.9 * rounded[0])
        .isCloseTo(exact[STEPS - 1], within(5e-2 * exact[0]));
  }
}
