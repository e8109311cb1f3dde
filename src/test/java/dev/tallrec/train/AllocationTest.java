package dev.tallrec.train;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import dev.tallrec.backend.cpu.CpuDevice;
import dev.tallrec.llama.KeyValueCache;
import dev.tallrec.llama.ScoredTokens;
import dev.tallrec.llama.TokenBatch;
import dev.tallrec.llama.Workspace;
import dev.tallrec.llama.WorkspacePlan;
import dev.tallrec.testing.LoadedModel;
import dev.tallrec.testing.OneDnnLibrary;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A step leaves nothing on the heap to collect, once the compiler has seen enough of them. */
class AllocationTest {

  private static final int TOKENS = 128;
  private static final int SEQUENCES = 5;
  private static final int STEPS = 200;
  // What the JVM's own threads, or a compilation in between, may add to a step.
  private static final long BYTES_PER_STEP = 16;
  // Vectors are objects until all loops over them are compiled, which takes a busy machine a while.
  private static final Duration PATIENCE = Duration.ofSeconds(45);

  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  /** Bytes that all threads allocate in a step, once that is no more than it may be. */
  private static long bytesPerStep(Runnable step) {
    long fewest = Long.MAX_VALUE;
    long end = System.nanoTime() + PATIENCE.toNanos();
    while (fewest > BYTES_PER_STEP && System.nanoTime() < end) {
      long before = THREADS.getTotalThreadAllocatedBytes();
      for (int i = 0; i < STEPS; i++) {
        step.run();
      }
      fewest = Math.min(fewest, (THREADS.getTotalThreadAllocatedBytes() - before) / STEPS);
    }
    return fewest;
  }

  private static int[] ids(int vocabSize, int length) {
    return new SplittableRandom(3).ints(length, 3, vocabSize).toArray();
  }

  /** Sequences of two lengths that share a prefix, the last tokens of each labelled. */
  private static TokenBatch examples(int vocabSize) {
    TokenBatch batch = new TokenBatch(TOKENS, SEQUENCES);
    boolean[] isLabel = new boolean[40];
    int prefix = batch.addExample(ids(vocabSize, 40), isLabel, 0, 9, TokenBatch.NO_PREFIX, 1);
    isLabel[24] = true;
    isLabel[25] = true;
    batch.addExample(ids(vocabSize, 26), isLabel, 9, 26, prefix, 1);
    batch.addExample(ids(vocabSize, 40), isLabel, 9, 40, prefix, 1);
    return batch;
  }

  @ParameterizedTest
  @CsvSource({"A_mha_qv, 0", "A_mha_qv, 0.1", "B_gqa_all_tied, 0.1"})
  void aTrainingStepAllocatesNothing(String fixture, float dropout) throws IOException {
    assertThatAStepAllocatesNothing(new CpuDevice(2), fixture, dropout);
  }

  @Test
  void norDoesOneInBFloat16() throws IOException {
    assertThatAStepAllocatesNothing(OneDnnLibrary.device(2), "A_mha_qv", 0.1f);
  }

  private static void assertThatAStepAllocatesNothing(
      CpuDevice device, String fixture, float dropout) throws IOException {
    try (LoadedModel model = LoadedModel.golden(device, fixture);
        AdamW optimizer = new AdamW(model.device, model.parameters, 0.9, 0.999, 1e-8, 0);
        Workspace workspace =
            new Workspace(
                model.device,
                model.config,
                model.parameters,
                WorkspacePlan.forTraining(model.config, TOKENS, SEQUENCES, 1))) {
      TokenBatch batch = examples(model.config.vocabSize());
      long bytes =
          bytesPerStep(() -> {
            model.network.lossAndGradients(workspace, batch, 0.1f, dropout, 5);
            optimizer.step(1e-4, 1, 1);
          });
      assertThat(bytes).isLessThanOrEqualTo(BYTES_PER_STEP);
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aScoringPassAllocatesNothing(boolean cached) throws IOException {
    try (LoadedModel model = LoadedModel.golden(new CpuDevice(2), "A_mha_qv");
        ScoredTokens answers = new ScoredTokens(model.device, model.config, SEQUENCES, 5, 9);
        KeyValueCache cache = new KeyValueCache(model.device, model.config, TOKENS);
        Workspace workspace =
            new Workspace(
                model.device,
                model.config,
                model.parameters,
                WorkspacePlan.forInference(model.config, TOKENS, SEQUENCES))) {
      TokenBatch batch = new TokenBatch(TOKENS, SEQUENCES);
      for (int i = 0; i < 4; i++) {
        batch.addPrompt(ids(model.config.vocabSize(), 20 + i), 0, 20 + i, 0);
      }
      @Nullable KeyValueCache used = cached ? cache : null;
      float[] probabilities = new float[4 * answers.count()];
      long bytes =
          bytesPerStep(() ->
              model.network.tokenProbabilities(workspace, batch, used, answers, probabilities));
      assertThat(bytes).isLessThanOrEqualTo(BYTES_PER_STEP);
    }
  }
}
