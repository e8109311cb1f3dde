package dev.tallrec.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.tallrec.backend.cpu.CpuDevice;
import dev.tallrec.llama.TokenBatch;
import dev.tallrec.llama.Workspace;
import dev.tallrec.llama.WorkspacePlan;
import dev.tallrec.testing.LoadedModel;
import dev.tallrec.text.LabelledTokens;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class MicroBatchPackerTest {

  /** Tokens of which the first {@code common} are the same in all, the last one is learnt. */
  private static LabelledTokens example(int length, int common, int other) {
    int[] ids = IntStream.range(0, length).map(i -> i < common ? 3 + i : other).toArray();
    boolean[] isLabel = new boolean[length];
    isLabel[length - 1] = true;
    return new LabelledTokens(ids, isLabel);
  }

  private static TokenBatch filled(LabelledTokens... group) {
    MicroBatchPacker packer = new MicroBatchPacker(200, true);
    TokenBatch batch = new TokenBatch(200, packer.maxSequences(group.length));
    packer.fill(batch, List.of(group));
    return batch;
  }

  @Test
  void groupsAreFilledInOrderToTheLastToken() {
    List<LabelledTokens> examples =
        IntStream.of(4, 6, 1 + 1, 10, 3, 7, 8).mapToObj(length -> example(length, 0, 5)).toList();

    List<List<LabelledTokens>> groups = new MicroBatchPacker(10, true).split(examples);

    assertThat(groups.stream().flatMap(List::stream)).containsExactlyElementsOf(examples);
    assertThat(groups)
        .extracting(group -> group.stream().map(example -> example.ids().length).toList())
        .containsExactly(List.of(4, 6), List.of(2), List.of(10), List.of(3, 7), List.of(8));
    assertThatThrownBy(() -> new MicroBatchPacker(9, true).split(examples))
        .hasMessageContaining("10 tokens does not fit a micro-batch of 9");
  }

  /** However many examples are asked for: a group of no more tokens than that has no more. */
  @Test
  void thereAreNoMoreSequencesThanTokens() {
    MicroBatchPacker packer = new MicroBatchPacker(6, true);
    assertThat(packer.maxSequences(2)).isEqualTo(3);
    assertThat(packer.maxSequences(Integer.MAX_VALUE)).isEqualTo(6);
    LabelledTokens[] shortest = {example(2, 1, 5), example(2, 1, 6), example(2, 1, 7)};
    TokenBatch batch = new TokenBatch(6, packer.maxSequences(Integer.MAX_VALUE));
    packer.fill(batch, List.of(shortest));
    assertThat(batch.sequences()).isLessThanOrEqualTo(6);
  }

  /** The last common token stays with each example: what follows it is not common. */
  @Test
  void whatAllBeginWithIsThereOnce() {
    TokenBatch batch = filled(example(50, 30, 90), example(40, 30, 91), example(60, 30, 92));

    assertThat(batch.tokens()).isEqualTo(29 + 21 + 11 + 31);
    assertThat(batch.sequences()).isEqualTo(4);
    assertThat(batch.labels()).isEqualTo(3);
    assertThat(filled(example(50, 30, 90), example(50, 30, 90), example(50, 50, 0)).tokens())
        .isEqualTo(29 + 3 * 21);
    // Equal examples, too, have a token each.
    assertThat(filled(example(50, 30, 90), example(50, 30, 90)).tokens()).isEqualTo(49 + 2);
  }

  @Test
  void nothingIsSharedByOneOrByThoseThatBeginDifferently() {
    assertThat(filled(example(50, 30, 90)).sequences()).isEqualTo(1);
    assertThat(filled(example(50, 30, 90), example(40, 0, 90)).sequences()).isEqualTo(2);
    assertThat(filled(example(50, 30, 90), example(50, 30, 91)).sequences()).isEqualTo(3);
    TokenBatch batch = new TokenBatch(200, 3);
    new MicroBatchPacker(200, false).fill(batch, List.of(example(50, 30, 90), example(50, 30, 91)));
    assertThat(batch.tokens()).isEqualTo(100);
  }

  @Test
  void aLabelThatAllHaveCountsForEachAndTokensThatNotAllLearnAreNotShared() {
    LabelledTokens one = example(50, 30, 90);
    LabelledTokens two = example(50, 30, 91);
    LabelledTokens three = example(50, 30, 92);
    for (LabelledTokens each : List.of(one, two, three)) {
      each.isLabel()[12] = true;
    }
    TokenBatch batch = filled(one, two, three);
    assertThat(batch.tokens()).isEqualTo(29 + 3 * 21);
    assertThat(batch.labels()).isEqualTo(1 + 3);
    assertThat(batch.labelWeight()).isEqualTo(6);
    two.isLabel()[20] = true;
    assertThat(filled(one, two, three).tokens()).isEqualTo(19 + 3 * 31);
  }

  /** A mean over all labels, not one of groups' means, nor of examples'. */
  @Test
  void theLossOfExamplesNotTrainedOnIsTheMeanOverTheirLabels() throws Exception {
    List<LabelledTokens> examples = SmallTraining.examples();
    for (int i = 0; i < examples.size(); i++) {
      boolean[] isLabel = examples.get(i).isLabel();
      Arrays.fill(isLabel, 1 + i, isLabel.length, true);
    }
    try (LoadedModel model = LoadedModel.golden(new CpuDevice(1), "A_mha_qv");
        Workspace workspace = model.workspace(WorkspacePlan.forInference(model.config, 45, 11))) {
      double loss = 0;
      double labels = 0;
      for (LabelledTokens example : examples) {
        TokenBatch alone = new TokenBatch(45, 1);
        alone.addExample(
            example.ids(), example.isLabel(), 0, example.ids().length, TokenBatch.NO_PREFIX, 1);
        loss += model.network.loss(workspace, alone);
        labels += example.labelCount();
      }
      LossEvaluator evaluator = new LossEvaluator(model.network, examples, 45, () -> false);
      assertThat(evaluator.tokens()).isEqualTo(45);
      assertThat(evaluator.sequences()).isBetween(3, 11);
      assertThat(evaluator.score(workspace))
          .isNegative()
          .isCloseTo(-loss / labels, within(1e-6 * loss / labels));
    }
  }
}
