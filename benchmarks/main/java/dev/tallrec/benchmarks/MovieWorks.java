package dev.tallrec.benchmarks;

import dev.tallrec.llama.Adapter;
import dev.tallrec.llama.LlamaNetwork;
import dev.tallrec.rec.TasteScorer;
import dev.tallrec.text.LabelledTokens;
import dev.tallrec.train.AdamWSettings;
import dev.tallrec.train.Schedule;
import dev.tallrec.train.Trainer;
import dev.tallrec.train.TrainingConfig;
import dev.tallrec.train.TrainingListener;
import dev.tallrec.train.TrainingStoppedException;
import java.io.IOException;
import java.util.List;
import java.util.Optional;

/** What is done with {@link MovieRows} beside peers. */
final class MovieWorks {

  private MovieWorks() {}

  /** Once over the examples, 16 a step, so many tokens at a time. */
  static TrainingConfig training(int microBatchTokens) {
    return new TrainingConfig(
        1e-4,
        Schedule.CONSTANT,
        0,
        1,
        16,
        microBatchTokens,
        AdamWSettings.withDecay(0),
        1,
        true,
        -1,
        0,
        0,
        0);
  }

  static void train(Trainer trainer, List<LabelledTokens> examples)
      throws IOException, TrainingStoppedException {
    trainer.train(examples, TrainingListener.SILENT, Optional.empty(), () -> false);
  }

  static TasteScorer scorer(LlamaNetwork network, MovieRows rows, int batchTokens) {
    return new TasteScorer(network, Adapter.NONE, rows.yesAndNo(), rows.prompts(), batchTokens);
  }
}
