package dev.tallrec.train;

import dev.tallrec.llama.LlamaNetwork;
import dev.tallrec.llama.TokenBatch;
import dev.tallrec.llama.Workspace;
import dev.tallrec.text.LabelledTokens;
import java.util.List;
import java.util.function.BooleanSupplier;

/** Judges an adapter by its mean loss over examples that are not trained on. */
public final class LossEvaluator implements Trainer.Evaluation {

  private final LlamaNetwork network;
  private final MicroBatchPacker packer;
  private final List<List<LabelledTokens>> groups;
  private final TokenBatch batch;
  private final BooleanSupplier stop;

  /**
   * An evaluator of {@code examples}, so many tokens at a time.
   *
   * @param stop asked before so many tokens whether to stop
   */
  public LossEvaluator(
      LlamaNetwork network,
      List<LabelledTokens> examples,
      int microBatchTokens,
      BooleanSupplier stop) {
    this.network = network;
    this.stop = stop;
    this.packer = new MicroBatchPacker(microBatchTokens, false);
    this.groups = packer.split(examples);
    int largest = groups.stream().mapToInt(List::size).max().orElse(0);
    this.batch = new TokenBatch(microBatchTokens, packer.maxSequences(largest));
  }

  @Override
  public int tokens() {
    return batch.capacity();
  }

  @Override
  public int sequences() {
    return batch.maxSequences();
  }

  /** Minus the mean of -log P over all labels. */
  @Override
  public double score(Workspace workspace) throws TrainingStoppedException {
    double loss = 0;
    double labels = 0;
    for (List<LabelledTokens> group : groups) {
      TrainingStoppedException.throwIf(stop, "stopped in an evaluation");
      packer.fill(batch, group);
      loss += network.loss(workspace, batch);
      labels += batch.labelWeight();
    }
    return -loss / labels;
  }
}
