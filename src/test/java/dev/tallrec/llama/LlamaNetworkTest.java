package dev.tallrec.llama;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.tallrec.backend.cpu.CpuDevice;
import dev.tallrec.tensor.Tensor;
import dev.tallrec.testing.Fixtures;
import dev.tallrec.testing.LoadedModel;
import dev.tallrec.testing.ReferenceDevice;
import dev.tallrec.text.LabelledTokens;
import dev.tallrec.train.MicroBatchPacker;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Ways to compute the same thing must give the same thing. */
class LlamaNetworkTest {

  static final List<String> GOLDEN = Fixtures.GOLDEN;

  /** Loss and flat gradients. */
  private record Outcome(double loss, float[] gradients) {
    void isCloseTo(Outcome other, double tolerance) {
      assertThat(loss).isCloseTo(other.loss, within(tolerance * Math.abs(other.loss)));
      double largest = 0;
      for (float gradient : other.gradients) {
        largest = Math.max(largest, Math.abs(gradient));
      }
      assertThat(largest).isPositive();
      for (int i = 0; i < gradients.length; i++) {
        assertThat((double) gradients[i])
            .isCloseTo(other.gradients[i], within(tolerance * largest));
      }
    }
  }

  /** Examples that begin alike, as prompts do, to be answered. */
  private static List<LabelledTokens> examples(LlamaConfig config) {
    return examples(config, false);
  }

  /** All of which is learnt, what they have in common as well, or their last four tokens. */
  private static List<LabelledTokens> examples(LlamaConfig config, boolean isAllLearnt) {
    SplittableRandom random = new SplittableRandom(4);
    int[] prefix = random.ints(14, 3, config.vocabSize()).toArray();
    List<LabelledTokens> examples = new ArrayList<>();
    for (int length : new int[] {25, 19, 31}) {
      int[] ids = random.ints(length, 3, config.vocabSize()).toArray();
      System.arraycopy(prefix, 0, ids, 0, prefix.length);
      boolean[] isLabel = new boolean[length];
      Arrays.fill(isLabel, isAllLearnt ? 1 : length - 4, length, true);
      examples.add(new LabelledTokens(ids, isLabel));
    }
    return examples;
  }

  private static Outcome run(
      LoadedModel model,
      List<List<LabelledTokens>> batches,
      boolean sharePrefix,
      int savedLayers,
      float dropout) {
    MicroBatchPacker packer = new MicroBatchPacker(128, sharePrefix);
    TokenBatch batch = new TokenBatch(128, 8);
    double loss = 0;
    model.device.ops().fill(model.parameters.gradients(), 0);
    try (Workspace workspace =
        model.workspace(WorkspacePlan.forTraining(model.config, 128, 8, savedLayers))) {
      for (List<LabelledTokens> examples : batches) {
        packer.fill(batch, examples);
        loss += model.network.lossAndGradients(workspace, batch, 0.1f, dropout, 42);
      }
      return new Outcome(loss, gradients(model));
    }
  }

  private static Outcome outcome(LoadedModel model, Workspace workspace, TokenBatch batch) {
    model.device.ops().fill(model.parameters.gradients(), 0);
    double loss = model.network.lossAndGradients(workspace, batch, 0.1f, 0, 42);
    return new Outcome(loss, gradients(model));
  }

  private static float[] gradients(LoadedModel model) {
    try (Arena arena = Arena.ofShared()) {
      List<Float> gradients = new ArrayList<>();
      for (Tensor gradient : model.parameters.downloadGradients(arena)) {
        for (float value : gradient.toFloats()) {
          gradients.add(value);
        }
      }
      float[] flat = new float[gradients.size()];
      for (int i = 0; i < flat.length; i++) {
        flat[i] = gradients.get(i);
      }
      return flat;
    }
  }

  private static Outcome packed(LoadedModel model, boolean sharePrefix, int saved, float dropout) {
    return run(model, List.of(examples(model.config)), sharePrefix, saved, dropout);
  }

  @ParameterizedTest
  @FieldSource("GOLDEN")
  void packedAndOneByOneAndWithSharedPrefixAreAlike(String fixture) throws IOException {
    try (LoadedModel model = LoadedModel.golden(new CpuDevice(2), fixture)) {
      int layers = model.config.numHiddenLayers();
      for (boolean isAllLearnt : new boolean[] {false, true}) {
        List<LabelledTokens> examples = examples(model.config, isAllLearnt);
        Outcome packed = run(model, List.of(examples), false, layers, 0);
        run(model, List.of(examples), true, layers, 0).isCloseTo(packed, 1e-5);
        List<List<LabelledTokens>> single = examples.stream().map(List::of).toList();
        run(model, single, false, layers, 0).isCloseTo(packed, 1e-5);
      }
    }
  }

  /** Lengths of sequences of as many tokens and labels: in other numbers, and other orders. */
  @Test
  void aWorkspaceKeepsNothingOfTheBatchBefore() throws IOException {
    int[][] shapes = {
      {20, 20}, {12, 28}, {28, 12}, {10, 10, 10, 10}, {28, 4, 8}, {8, 28, 4}, {40}, {10, 20, 10}
    };
    try (LoadedModel model = LoadedModel.golden(new CpuDevice(1), "B_gqa_all_tied");
        Workspace used = model.workspace(WorkspacePlan.forTraining(model.config, 64, 8, 1))) {
      SplittableRandom random = new SplittableRandom(6);
      for (int round = 0; round < 24; round++) {
        int[] shape = shapes[random.nextInt(shapes.length)];
        TokenBatch batch = new TokenBatch(64, 8);
        for (int length : shape) {
          int[] ids = random.ints(length, 3, model.config.vocabSize()).toArray();
          boolean[] isLabel = new boolean[length];
          // Eight labels in all, the first of a sequence anywhere in it.
          int labels = 8 / shape.length + (batch.sequences() < 8 % shape.length ? 1 : 0);
          isLabel[length - 1] = true;
          for (int set = 1; set < labels; ) {
            int at = 1 + random.nextInt(length - 1);
            set += isLabel[at] ? 0 : 1;
            isLabel[at] = true;
          }
          batch.addExample(ids, isLabel, 0, length, TokenBatch.NO_PREFIX, 1);
        }
        assertThat(batch.labels()).isEqualTo(8);
        Outcome ours = outcome(model, used, batch);
        try (Workspace fresh = model.workspace(WorkspacePlan.forTraining(model.config, 64, 8, 1))) {
          Outcome right = outcome(model, fresh, batch);
          assertThat(ours.loss).as("round %d", round).isEqualTo(right.loss);
          assertThat(ours.gradients).as("round %d", round).isEqualTo(right.gradients);
        }
      }
    }
  }

  @ParameterizedTest
  @FieldSource("GOLDEN")
  void agreesWithTheReference(String fixture) throws IOException {
    try (LoadedModel model = LoadedModel.golden(new CpuDevice(2), fixture);
        LoadedModel reference = LoadedModel.golden(new ReferenceDevice(), fixture)) {
      int layers = model.config.numHiddenLayers();
      packed(model, true, layers, 0.3f).isCloseTo(packed(reference, true, layers, 0.3f), 2e-5);
    }
  }

  @ParameterizedTest
  @FieldSource("GOLDEN")
  void recomputationGivesTheSameBits(String fixture) throws IOException {
    try (LoadedModel model = LoadedModel.golden(new CpuDevice(2), fixture)) {
      Outcome kept = packed(model, true, model.config.numHiddenLayers(), 0.25f);
      for (int saved = 0; saved < model.config.numHiddenLayers(); saved++) {
        Outcome recomputed = packed(model, true, saved, 0.25f);
        assertThat(recomputed.loss).isEqualTo(kept.loss);
        assertThat(recomputed.gradients).isEqualTo(kept.gradients);
      }
    }
  }

  @ParameterizedTest
  @FieldSource("GOLDEN")
  void anyNumberOfThreadsGivesTheSameBits(String fixture) throws IOException {
    try (LoadedModel one = LoadedModel.golden(new CpuDevice(1), fixture);
        LoadedModel two = LoadedModel.golden(new CpuDevice(2), fixture);
        LoadedModel five = LoadedModel.golden(new CpuDevice(5), fixture)) {
      int layers = one.config.numHiddenLayers();
      Outcome expected = packed(one, true, layers, 0.25f);
      for (LoadedModel model : List.of(two, five)) {
        Outcome outcome = packed(model, true, layers, 0.25f);
        assertThat(outcome.loss).isEqualTo(expected.loss);
        assertThat(outcome.gradients).isEqualTo(expected.gradients);
      }
    }
  }

  @Test
  void dropoutMasksDifferBySeedAndAreOffInEvaluation() throws IOException {
    try (LoadedModel model = LoadedModel.golden(new CpuDevice(1), "B_gqa_all_tied")) {
      Outcome without = packed(model, false, 2, 0);
      assertThat(packed(model, false, 2, 0.25f).loss).isNotEqualTo(without.loss);
      TokenBatch batch = new TokenBatch(128, 8);
      new MicroBatchPacker(128, false).fill(batch, examples(model.config));
      try (Workspace workspace =
          model.workspace(WorkspacePlan.forInference(model.config, 128, 8))) {
        assertThat(model.network.loss(workspace, batch)).isEqualTo(without.loss);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 9})
  void scoringFromACachedPrefixIsScoringTheWhole(int prefix) throws IOException {
    try (LoadedModel model = LoadedModel.golden(new CpuDevice(2), "D_bf16_llama3rope");
        Workspace workspace = model.workspace(WorkspacePlan.forInference(model.config, 128, 8));
        KeyValueCache cache = new KeyValueCache(model.device, model.config, 160);
        ScoredTokens tokens = new ScoredTokens(model.device, model.config, 8, 5, 77)) {
      List<LabelledTokens> examples = examples(model.config);
      TokenBatch batch = new TokenBatch(128, 8);
      examples.forEach(example -> batch.addPrompt(example.ids(), 0, example.ids().length, 0));
      float[] whole = new float[16];
      model.network.tokenProbabilities(workspace, batch, null, tokens, whole);
      if (prefix > 0) {
        batch.clear();
        batch.addPrompt(examples.getFirst().ids(), 0, prefix, 0);
        model.network.tokenProbabilities(workspace, batch, cache, tokens, new float[16]);
      }
      batch.clear(prefix);
      examples.forEach(example -> batch.addPrompt(example.ids(), prefix, example.ids().length, 0));
      float[] cached = new float[16];
      model.network.tokenProbabilities(workspace, batch, cache, tokens, cached);
      for (int i = 0; i < 6; i++) {
        assertThat(cached[i]).isPositive().isCloseTo(whole[i], within(1e-5f * whole[i] + 1e-9f));
      }
    }
  }

  /** Some prompts share more than all do: those tokens, too, are computed once. */
  @ParameterizedTest
  @ValueSource(ints = {0, 3})
  void scoringFromTokensThatSomeShareIsScoringTheWhole(int prefix) throws IOException {
    try (LoadedModel model = LoadedModel.golden(new CpuDevice(2), "D_bf16_llama3rope");
        Workspace workspace = model.workspace(WorkspacePlan.forInference(model.config, 64, 9));
        KeyValueCache cache = KeyValueCache.keeping(model.device, model.config, prefix, 2 * 64);
        ScoredTokens tokens = new ScoredTokens(model.device, model.config, 9, 5, 77)) {
      int[][] prompts = {
        {1, 4, 9, 11, 12, 13, 20},
        {1, 4, 9, 11, 12, 14},
        {1, 4, 9, 30, 31, 32, 33, 34},
        {1, 4, 9, 40, 41, 42, 43},
        {1, 4, 9, 40, 41, 44, 45, 46, 47}
      };
      TokenBatch batch = new TokenBatch(64, 9);
      for (int[] prompt : prompts) {
        batch.addPrompt(prompt, 0, prompt.length, 0);
      }
      float[] whole = new float[18];
      model.network.tokenProbabilities(workspace, batch, null, tokens, whole);
      if (prefix > 0) {
        batch.clear();
        batch.addPrompt(prompts[0], 0, prefix, 0);
        model.network.tokenProbabilities(workspace, batch, cache, tokens, new float[18]);
      }
      batch.clear(prefix);
      int first = batch.addSharedTokens(prompts[0], prefix, 5);
      batch.addPrompt(prompts[0], 5, prompts[0].length, first);
      batch.addPrompt(prompts[1], 5, prompts[1].length, first);
      batch.addPrompt(prompts[2], prefix, prompts[2].length, 0);
      int second = batch.addSharedTokens(prompts[4], prefix, 5);
      batch.addPrompt(prompts[3], 5, prompts[3].length, second);
      batch.addPrompt(prompts[4], 5, prompts[4].length, second);
      float[] shared = new float[18];
      model.network.tokenProbabilities(workspace, batch, cache, tokens, shared);
      for (int i = 0; i < 2 * prompts.length; i++) {
        assertThat(shared[i]).isPositive().isCloseTo(whole[i], within(1e-5f * whole[i] + 1e-9f));
      }
      assertThatThrownBy(
              () -> model.network.tokenProbabilities(workspace, batch, null, tokens, new float[18]))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("K/V cache");
    }
  }

  @Test
  void probabilitiesAreTheSoftmaxOfLogits() throws IOException {
    try (LoadedModel model = LoadedModel.golden(new CpuDevice(1), "A_mha_qv");
        Workspace workspace =
            new Workspace(
                model.device,
                model.config,
                Adapter.NONE,
                WorkspacePlan.forInference(model.config, 64, 2));
        ScoredTokens tokens = new ScoredTokens(model.device, model.config, 2, 9, 10);
        Arena arena = Arena.ofShared()) {
      TokenBatch batch = new TokenBatch(64, 2);
      batch.addPrompt(new int[] {1, 4, 5, 6}, 0, 4, 0);
      MemorySegment logits = arena.allocate(4L * model.config.vocabSize(), 4);
      model.network.logits(workspace, batch, null, logits);
      double sum = 0;
      for (int i = 0; i < model.config.vocabSize(); i++) {
        sum += Math.exp(logits.getAtIndex(ValueLayout.JAVA_FLOAT, i));
      }
      float[] probabilities = new float[4];
      model.network.tokenProbabilities(workspace, batch, null, tokens, probabilities);
      assertThat((double) probabilities[1])
          .isCloseTo(Math.exp(logits.getAtIndex(ValueLayout.JAVA_FLOAT, 10)) / sum, within(1e-6));
    }
  }

  @Test
  void refusesTokensAndLengthsTheModelDoesNotHave() throws IOException {
    try (LoadedModel model = LoadedModel.golden(new CpuDevice(1), "A_mha_qv");
        Workspace workspace =
            new Workspace(
                model.device,
                model.config,
                Adapter.NONE,
                WorkspacePlan.forInference(model.config, 64, 2))) {
      TokenBatch batch = new TokenBatch(64, 2);
      batch.addPrompt(new int[] {1, model.config.vocabSize()}, 0, 2, 0);
      assertThatThrownBy(() -> model.network.loss(workspace, batch))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("128");
      batch.clear();
      boolean[] isLabel = {false, false, true};
      batch.addExample(
          new int[] {1, 4, model.config.vocabSize()}, isLabel, 0, 2, TokenBatch.NO_PREFIX, 1);
      assertThatThrownBy(() -> model.network.loss(workspace, batch))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("label 128");
    }
  }

  @Test
  void refusesSequencesLongerThanTheModelTakes() throws IOException {
    try (LoadedModel model = LoadedModel.golden(new CpuDevice(1), "A_mha_qv")) {
      int most = model.config.maxPositionEmbeddings();
      try (Workspace workspace =
          model.workspace(WorkspacePlan.forInference(model.config, most + 1, 2))) {
        TokenBatch batch = new TokenBatch(most + 1, 2);
        batch.addPrompt(new int[most], 0, most, 0);
        assertThat(model.network.loss(workspace, batch)).isPositive();
        batch.clear();
        batch.addPrompt(new int[most + 1], 0, most + 1, 0);
        assertThatThrownBy(() -> model.network.loss(workspace, batch))
            .isInstanceOf(IllegalArgumentException.class)
            .hasMessageContaining("more than %d tokens".formatted(most));
      }
    }
  }

  @Test
  void planCountsEveryByteThatIsAllocated() throws IOException {
    try (LoadedModel model = LoadedModel.golden(new CpuDevice(1), "B_gqa_all_tied")) {
      WorkspacePlan plan = WorkspacePlan.forTraining(model.config, 100, 4, 1);
      long planned =
          Workspace.plan(model.device.computeType(), model.config, model.parameters, plan).stream()
              .mapToLong(PlannedBuffer::bytes)
              .sum();
      try (Workspace workspace =
          new Workspace(model.device, model.config, model.parameters, plan)) {
        assertThat(workspace.allocatedBytes()).isEqualTo(planned);
      }
    }
  }
}
