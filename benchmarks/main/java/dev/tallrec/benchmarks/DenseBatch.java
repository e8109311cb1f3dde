package dev.tallrec.benchmarks;

import dev.tallrec.llama.LlamaConfig;
import dev.tallrec.llama.TokenBatch;
import java.util.Arrays;

/** Rows of random tokens of one length with loss everywhere: no padding, no shared prefix. */
final class DenseBatch {

  private static final int SEED = 2;

  private DenseBatch() {}

  static TokenBatch of(LlamaConfig config, int length, int rows) {
    TokenBatch batch = new TokenBatch(rows * length, rows);
    RandomTokens random = new RandomTokens(config.vocabSize(), SEED);
    boolean[] isLabel = new boolean[length];
    Arrays.fill(isLabel, 1, length, true);
    for (int row = 0; row < rows; row++) {
      int[] ids = random.of(length);
      batch.addExample(ids, isLabel, 0, length, TokenBatch.NO_PREFIX, 1);
    }
    return batch;
  }
}
