package dev.tallrec.baselines;

import dev.tallrec.llama.Adapter;
import dev.tallrec.llama.LlamaConfig;
import dev.tallrec.llama.TokenBatch;
import dev.tallrec.llama.Workspace;
import dev.tallrec.llama.WorkspacePlan;
import dev.tallrec.model.BaseModel;
import dev.tallrec.tensor.DType;
import dev.tallrec.tensor.Shape;
import dev.tallrec.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;

/**
 * What the LLaMA at hand makes of titles: the mean over a title's tokens of the final hidden
 * states. No second model is needed for a recommender that reads titles.
 */
public final class LlamaFeatures {

  private static final int MOST_TOKENS = 64;

  private LlamaFeatures() {}

  /** Features of {@code titles}, in their order; only the first 64 tokens of a title count. */
  public static ItemFeatures of(BaseModel base, List<String> titles) {
    LlamaConfig config = base.config();
    int hidden = config.hiddenSize();
    DType type = base.network().device().computeType();
    TokenBatch batch = new TokenBatch(MOST_TOKENS, 1);
    List<float[]> vectors = new ArrayList<>();
    try (Arena arena = Arena.ofShared();
        Workspace workspace =
            new Workspace(
                base.network().device(),
                config,
                Adapter.NONE,
                WorkspacePlan.forInference(config, MOST_TOKENS, MOST_TOKENS))) {
      Tensor states = Tensor.allocate(arena, "hidden", type, Shape.of(MOST_TOKENS, hidden));
      for (String title : titles) {
        int[] ids = withBegin(base, title);
        batch.clear();
        batch.addForAllLogits(ids, 0, ids.length);
        base.network()
            .hiddenStates(
                workspace,
                batch,
                states.segment().asSlice(0, (long) ids.length * hidden * type.byteSize()));
        vectors.add(mean(states, ids.length, hidden));
      }
    }
    return ItemFeatures.of(vectors);
  }

  private static int[] withBegin(BaseModel base, String title) {
    int[] ids = base.tokenizer().encode(title);
    int[] all = new int[Math.min(MOST_TOKENS, ids.length + 1)];
    all[0] = base.tokenizer().bos();
    System.arraycopy(ids, 0, all, 1, all.length - 1);
    return all;
  }

  /** The mean of rows after the first, which sees nothing of the title. */
  private static float[] mean(Tensor states, int rows, int hidden) {
    double[] sums = new double[hidden];
    for (int row = Math.min(1, rows - 1); row < rows; row++) {
      for (int i = 0; i < hidden; i++) {
        sums[i] += states.floatAt((long) row * hidden + i);
      }
    }
    float[] mean = new float[hidden];
    int counted = Math.max(1, rows - 1);
    for (int i = 0; i < hidden; i++) {
      mean[i] = (float) (sums[i] / counted);
    }
    return mean;
  }
}
