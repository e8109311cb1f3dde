package dev.tallrec.rec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.tallrec.backend.DeviceMemoryException;
import dev.tallrec.backend.cpu.CpuDevice;
import dev.tallrec.llama.TokenBatch;
import dev.tallrec.llama.Workspace;
import dev.tallrec.llama.WorkspacePlan;
import dev.tallrec.testing.FailingDevice;
import dev.tallrec.testing.LoadedModel;
import dev.tallrec.text.AnswerTokens;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TasteScorerTest {

  private static final AnswerTokens ANSWERS = new AnswerTokens(5, 9);

  /** What prompts share, and which are computed together, must not change their scores. */
  @ParameterizedTest
  @ValueSource(ints = {60, 300})
  void scoresAreThoseOfEachPromptAlone(int batchTokens) throws IOException {
    List<int[]> prompts = prompts();
    try (LoadedModel model = LoadedModel.golden(new CpuDevice(2), "B_gqa_all_tied")) {
      List<Taste> together = score(model, prompts, batchTokens);
      assertThat(together).hasSameSizeAs(prompts);
      for (int i = 0; i < prompts.size(); i++) {
        Taste alone = score(model, List.of(prompts.get(i)), batchTokens).getFirst();
        Taste taste = together.get(i);
        assertThat(taste.yes()).as("prompt %d", i).isCloseTo(alone.yes(), near(alone.yes()));
        assertThat(taste.no()).as("prompt %d", i).isCloseTo(alone.no(), near(alone.no()));
      }
    }
  }

  /** In between steps the trainer's workspace serves: same scores, and the same step after it. */
  @Test
  void aWorkspaceForTrainingServesToo() throws IOException {
    List<int[]> prompts = prompts();
    int[] ids = prompts.getFirst();
    TokenBatch batch = new TokenBatch(300, 60);
    boolean[] isLabel = new boolean[ids.length];
    isLabel[ids.length - 1] = true;
    batch.addExample(ids, isLabel, 0, ids.length, TokenBatch.NO_PREFIX, 1);
    try (LoadedModel model = LoadedModel.golden(new CpuDevice(2), "B_gqa_all_tied")) {
      WorkspacePlan plan = WorkspacePlan.forTraining(model.config, 300, 60, 1);
      try (Workspace workspace =
          new Workspace(model.device, model.config, model.parameters, plan)) {
        double before = model.network.lossAndGradients(workspace, batch, 1, 0.1f, 3);
        float[] gradients = gradients(model);
        try (TasteScorer scorer = new TasteScorer(model.network, workspace, ANSWERS, prompts)) {
          assertThat(scorer.score((done, all) -> {})).isEqualTo(score(model, prompts, 300));
        }
        model.device.ops().fill(model.parameters.gradients(), 0);
        assertThat(model.network.lossAndGradients(workspace, batch, 1, 0.1f, 3)).isEqualTo(before);
        assertThat(gradients(model)).isEqualTo(gradients);
      }
    }
  }

  /** Of 100 prompts of 42 tokens 40 are shared: 60 tokens at a time are 30 prompts. */
  @Test
  void whatAllPromptsBeginWithIsComputedOnce() throws IOException {
    List<int[]> prompts =
        IntStream.range(0, 100)
            .mapToObj(i -> IntStream.range(0, 42).map(t -> t < 40 ? 3 + t : 50 + i % 75).toArray())
            .toList();
    List<Integer> progress = new ArrayList<>();
    try (LoadedModel model = LoadedModel.golden(new CpuDevice(1), "B_gqa_all_tied");
        TasteScorer scorer =
            new TasteScorer(model.network, model.parameters, ANSWERS, prompts, 60)) {
      scorer.score((done, all) -> {
        assertThat(all).isEqualTo(100);
        progress.add(done);
      });
    }
    assertThat(progress).containsExactly(30, 60, 90, 100);
  }

  /** Keys and values of what all prompts begin with are those of the adapter at the time. */
  @Test
  void anAdapterThatHasChangedIsUsedAsItIs() throws IOException {
    List<int[]> prompts = prompts();
    try (LoadedModel model = LoadedModel.golden(new CpuDevice(1), "B_gqa_all_tied");
        TasteScorer scorer =
            new TasteScorer(model.network, model.parameters, ANSWERS, prompts, 300)) {
      List<Taste> before = scorer.score((done, all) -> {});
      MemorySegment a = model.adapter.pairs().getFirst().a().segment();
      for (long i = 0; i < a.byteSize(); i += Float.BYTES) {
        a.set(ValueLayout.JAVA_FLOAT, i, -2 * a.get(ValueLayout.JAVA_FLOAT, i));
      }
      model.parameters.upload();
      List<Taste> after = scorer.score((done, all) -> {});
      assertThat(after).isNotEqualTo(before).isEqualTo(score(model, prompts, 300));
    }
  }

  @Test
  void whereverMemoryIsShortNothingStaysOpen() throws IOException {
    FailingDevice device = new FailingDevice(new CpuDevice(1));
    try (LoadedModel model = LoadedModel.golden(device, "B_gqa_all_tied")) {
      int before = device.openArenas();
      int failed = 0;
      for (boolean made = false; !made; ) {
        device.failAfter(failed);
        try {
          new TasteScorer(model.network, model.parameters, ANSWERS, prompts(), 60).close();
          made = true;
        } catch (DeviceMemoryException e) {
          assertThat(e).hasMessage(FailingDevice.MESSAGE);
          failed++;
        }
        assertThat(device.openArenas()).as("arenas after %d calls", failed).isEqualTo(before);
      }
      // The workspace, keys and values of every layer, the answers' tokens at least.
      assertThat(failed).isGreaterThan(2 + 2 * model.config.numHiddenLayers());
    }
  }

  private static float[] gradients(LoadedModel model) {
    MemorySegment host = Arena.ofAuto().allocate(model.parameters.gradients().bytes().byteSize());
    model.device.download(model.parameters.gradients().bytes(), host);
    return host.toArray(ValueLayout.JAVA_FLOAT);
  }

  private static Offset<Double> near(double value) {
    return within(1e-5 * value);
  }

  private static List<Taste> score(LoadedModel model, List<int[]> prompts, int batchTokens) {
    List<Integer> progress = new ArrayList<>();
    try (TasteScorer scorer =
        new TasteScorer(model.network, model.parameters, ANSWERS, prompts, batchTokens)) {
      List<Taste> tastes = scorer.score((done, all) -> progress.add(done));
      assertThat(progress).isSorted().endsWith(prompts.size());
      // The scorer keeps the common prefix; a second time nothing may have changed.
      assertThat(scorer.score((done, all) -> {})).isEqualTo(tastes);
      return tastes;
    }
  }

  /** Of 6 users, out of order: their prompts share 4 tokens, a user's 16. */
  private static List<int[]> prompts() {
    Random random = new Random(11);
    return IntStream.range(0, 30)
        .mapToObj(i -> {
          int user = i % 6;
          return IntStream.range(0, 18 + random.nextInt(20))
              .map(t -> t < 4 ? 3 + t : t < 16 ? 20 + user : 10 + random.nextInt(50))
              .toArray();
        })
        .toList();
  }
}
