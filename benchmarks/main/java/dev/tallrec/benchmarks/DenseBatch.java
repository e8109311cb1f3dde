package dev.tallrec.benchmarks;

import dev.tallrec.llama.LlamaConfig;
import dev.tallrec.llama.TokenBatch;
import java.util.Arrays;
import java.util.SplittableRandom;

/** Rows of random tokens of one length with loss everywhere: no padding, no shared prefix. */
final class DenseBatch {

  private static final int SEED = 2;

  /** Those below mark beginnings, ends and the unknown. */
  private static final int FIRST_TOKEN = 3;

  private DenseBatch() {}

  static TokenBatch of(LlamaConfig config, int length, int rows) {
    TokenBatch batch = new TokenBatch(rows * length, rows);
    SplittableRandom random = new SplittableRandom(SEED);
    boolean[] isLabel = new boolean[length];
    Arrays.fill(isLabel, 1, length, true);
    for (int row = 0; row < rows; row++) {
      int[] ids = random.ints(length, FIRST_TOKEN, config.vocabSize()).toArray();
      batch.addExample(ids, isLabel, 0, length, TokenBatch.NO_PREFIX, 1);
    }
    return batch;
  }
}
