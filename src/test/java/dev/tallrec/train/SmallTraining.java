package dev.tallrec.train;

import dev.tallrec.llama.Workspace;
import dev.tallrec.lora.LoraAdapter;
import dev.tallrec.lora.LoraConfig;
import dev.tallrec.lora.LoraParameters;
import dev.tallrec.tensor.Tensor;
import dev.tallrec.testing.LoadedModel;
import dev.tallrec.text.LabelledTokens;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.BooleanSupplier;
import java.util.function.ToDoubleFunction;

/** What tests of training train: a few random examples on a fixture's model, for four epochs. */
final class SmallTraining {

  private SmallTraining() {}

  static List<LabelledTokens> examples() {
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

  static TrainingConfig config(int microBatchTokens, boolean sharePrefix, int patience) {
    return new TrainingConfig(
        1e-2,
        Schedule.LINEAR,
        2,
        4,
        4,
        microBatchTokens,
        AdamWSettings.withDecay(0.01),
        1,
        sharePrefix,
        -1,
        3,
        patience,
        7);
  }

  static float[] weightsOf(LoraAdapter adapter) {
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

  /** Scores the adapter by its parameters alone. */
  record Scored(ToDoubleFunction<LoraParameters> score) implements Trainer.Evaluation {
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
      return score.applyAsDouble((LoraParameters) workspace.adapter());
    }
  }

  /** An evaluation that is told to stop when {@code stop} says so. */
  record Stopping(Trainer.Evaluation evaluation, BooleanSupplier stop)
      implements Trainer.Evaluation {
    @Override
    public int tokens() {
      return evaluation.tokens();
    }

    @Override
    public int sequences() {
      return evaluation.sequences();
    }

    @Override
    public double score(Workspace workspace) throws IOException, TrainingStoppedException {
      if (stop.getAsBoolean()) {
        throw new TrainingStoppedException("stopped");
      }
      return evaluation.score(workspace);
    }
  }

  static LoraAdapter initial(LoadedModel model) {
    return LoraAdapter.initial(model.config, LoraConfig.paper(), 1);
  }
}
