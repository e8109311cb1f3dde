package dev.tallrec.train;

import dev.tallrec.llama.Adapter;
import dev.tallrec.llama.LlamaConfig;
import dev.tallrec.llama.LlamaNetwork;
import dev.tallrec.llama.TokenBatch;
import dev.tallrec.llama.Workspace;
import dev.tallrec.llama.WorkspacePlan;
import dev.tallrec.text.LabelledTokens;
import java.util.List;

/** Mean loss over examples that are not trained on. */
public final class LossEvaluator {

  private final LlamaNetwork network;
  private final MicroBatchPacker packer;
  private final int microBatchTokens;
  private final List<List<LabelledTokens>> groups;
  private final int sequences;

  /** An evaluator of {@code examples}, so many tokens at a time. */
  public LossEvaluator(LlamaNetwork network, List<LabelledTokens> examples, int microBatchTokens) {
    this.network = network;
    this.microBatchTokens = microBatchTokens;
    this.packer = new MicroBatchPacker(microBatchTokens, false);
    this.groups = packer.split(examples);
    this.sequences =
        MicroBatchPacker.maxSequences(groups.stream().mapToInt(List::size).max().orElse(0));
  }

  /** Mean of -log P over all labels, with {@code adapter}. */
  public double meanLoss(Adapter adapter) {
    LlamaConfig config = network.config();
    WorkspacePlan plan = WorkspacePlan.forInference(config, microBatchTokens, sequences);
    TokenBatch batch = new TokenBatch(microBatchTokens, sequences);
    double loss = 0;
    double labels = 0;
    try (Workspace workspace = new Workspace(network.device(), config, adapter, plan)) {
      for (List<LabelledTokens> group : groups) {
        packer.fill(batch, group);
        loss += network.loss(workspace, batch);
        labels += batch.labelWeight();
      }
    }
    return loss / labels;
  }
}
