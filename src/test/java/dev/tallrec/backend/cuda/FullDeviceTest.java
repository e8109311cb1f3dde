package dev.tallrec.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tallrec.backend.Device;
import dev.tallrec.backend.DeviceMemoryException;
import dev.tallrec.llama.LlamaNetwork;
import dev.tallrec.llama.PlannedBuffer;
import dev.tallrec.llama.Workspace;
import dev.tallrec.llama.WorkspacePlan;
import dev.tallrec.lora.LoraAdapter;
import dev.tallrec.lora.LoraConfig;
import dev.tallrec.rec.Taste;
import dev.tallrec.rec.TasteScorer;
import dev.tallrec.tensor.DType;
import dev.tallrec.testing.LoadedModel;
import dev.tallrec.text.AnswerTokens;
import dev.tallrec.text.LabelledTokens;
import dev.tallrec.train.AdamWSettings;
import dev.tallrec.train.Schedule;
import dev.tallrec.train.Trainer;
import dev.tallrec.train.TrainingConfig;
import dev.tallrec.train.TrainingListener;
import dev.tallrec.train.TrainingResult;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Training that takes all memory it may. */
class FullDeviceTest {

  private static final String FIXTURE = "E_rslora_layers";
  private static final long PLENTY = 2L << 30;
  private static final int TOKENS = 8192;
  private static final int BATCH = 2;
  private static final AnswerTokens ANSWERS = new AnswerTokens(5, 9);
  private static final TrainingConfig CONFIG =
      new TrainingConfig(
          5e-3,
          Schedule.LINEAR,
          0,
          1,
          BATCH,
          TOKENS,
          AdamWSettings.withDecay(0.01),
          1,
          false,
          -1,
          1,
          0,
          5);

  private static final List<int[]> PROMPTS =
      Stream.generate(() -> new SplittableRandom(3).ints(20, 3, 100).toArray()).limit(5).toList();

  /** Scores in the trainer's workspace, and finds that there is no room for another. */
  private record Scoring(LlamaNetwork network) implements Trainer.Evaluation {
    @Override
    public int tokens() {
      return TasteScorer.longest(PROMPTS);
    }

    @Override
    public int sequences() {
      return TasteScorer.mostSequences(PROMPTS.size());
    }

    @Override
    public double score(Workspace workspace) {
      assertThatThrownBy(
              () -> new TasteScorer(network, workspace.adapter(), ANSWERS, PROMPTS, TOKENS).close())
          .isInstanceOf(DeviceMemoryException.class);
      try (TasteScorer scorer = new TasteScorer(network, workspace, ANSWERS, PROMPTS)) {
        return scorer.score((done, all) -> {}).stream().mapToDouble(Taste::score).sum();
      }
    }
  }

  private static Device device(long memory) {
    return new CudaDevice(KernelBuild.values()[0].driver(0, memory), DType.F16);
  }

  private static long memoryForOneSavedLayer() throws Exception {
    try (LoadedModel model = LoadedModel.golden(device(PLENTY), FIXTURE)) {
      long used = PLENTY - model.device.availableBytes();
      long workspace =
          PlannedBuffer.sum(
              Workspace.plan(
                  DType.F16,
                  model.config,
                  model.parameters,
                  WorkspacePlan.forTraining(
                      model.config, TOKENS, TasteScorer.mostSequences(PROMPTS.size()), 1)));
      // Adapter, gradients and moments of the trainer are small beside a layer's activations.
      return used + workspace * 10 / 9 + (1 << 18);
    }
  }

  @Test
  void evaluationsFitBesideTrainingThatFillsTheDevice() throws Exception {
    KernelBuild.values()[0].assume();
    int[] ids = PROMPTS.getFirst();
    boolean[] isLabel = new boolean[ids.length];
    isLabel[ids.length - 1] = true;
    LabelledTokens example = new LabelledTokens(ids, isLabel);
    try (LoadedModel model = LoadedModel.golden(device(memoryForOneSavedLayer()), FIXTURE);
        LoraAdapter adapter = LoraAdapter.initial(model.config, LoraConfig.paper(), 2);
        Trainer trainer = new Trainer(model.network, adapter, CONFIG, new Scoring(model.network))) {
      assertThat(trainer.savedLayers()).isBetween(1, model.config.numHiddenLayers() - 1);
      TrainingResult result =
          trainer.train(
              List.of(example, example), TrainingListener.SILENT, Optional.empty(), () -> false);
      assertThat(result.evaluationLog()).hasSizeGreaterThan(1);
    }
  }
}
