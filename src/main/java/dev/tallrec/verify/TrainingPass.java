package dev.tallrec.verify;

import dev.tallrec.llama.LlamaNetwork;
import dev.tallrec.llama.TokenBatch;
import dev.tallrec.llama.Workspace;
import dev.tallrec.llama.WorkspacePlan;
import dev.tallrec.lora.LoraParameters;
import java.util.List;

/** Forward and backward over all sequences as one packed micro-batch. */
final class TrainingPass implements AutoCloseable {
  private final LlamaNetwork network;
  private final TokenBatch batch;
  private final Workspace workspace;

  TrainingPass(GoldenModel golden, List<Fixture.Sequence> sequences, LoraParameters parameters) {
    network = golden.network();
    int tokens = sequences.stream().mapToInt(sequence -> sequence.ids().length).sum();
    batch = new TokenBatch(tokens, sequences.size());
    for (Fixture.Sequence sequence : sequences) {
      int length = sequence.ids().length;
      batch.addExample(sequence.ids(), sequence.isLabel(), 0, length, TokenBatch.NO_PREFIX, 1);
    }
    workspace =
        new Workspace(
            golden.device(),
            golden.config(),
            parameters,
            WorkspacePlan.forTraining(
                golden.config(), tokens, sequences.size(), golden.config().numHiddenLayers()));
  }

  /** Adds scaled gradients of the mean loss, which is returned unscaled. */
  double run(double scale) {
    float gradientScale = (float) (scale / batch.labelWeight());
    return network.lossAndGradients(workspace, batch, gradientScale, 0, 0) / batch.labelWeight();
  }

  @Override
  public void close() {
    workspace.close();
  }
}
