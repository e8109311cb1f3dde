package dev.tallrec.train;

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

/** A program that repeats a step until it allocates nothing, and prints how many bytes it does. */
final class StepAllocations {

  // What the JVM's own threads, or a compilation in between, may add to a step.
  static final long BYTES_PER_STEP = 16;

  private static final int TOKENS = 128;
  private static final int SEQUENCES = 5;
  private static final int STEPS = 200;
  // Vectors are objects until all loops over them are compiled, which takes a busy machine a while.
  private static final Duration PATIENCE = Duration.ofSeconds(25);

  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  private StepAllocations() {}

  /** Takes TRAIN and F32 or BF16, a fixture and LoRA's dropout, or SCORE and whether cached. */
  public static void main(String[] args) throws IOException {
    long bytes =
        switch (args[0]) {
          case "TRAIN" -> ofTraining(device(args[1]), args[2], Float.parseFloat(args[3]));
          case "SCORE" -> ofScoring(Boolean.parseBoolean(args[1]));
          default -> throw new IllegalArgumentException(args[0]);
        };
    System.out.println(bytes);
  }

  private static CpuDevice device(String type) {
    return type.equals("BF16") ? OneDnnLibrary.device(2) : new CpuDevice(2);
  }

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

  private static long ofTraining(CpuDevice device, String fixture, float dropout)
      throws IOException {
    try (LoadedModel model = LoadedModel.golden(device, fixture);
        AdamW optimizer = new AdamW(model.device, model.parameters, AdamWSettings.withDecay(0));
        Workspace workspace =
            model.workspace(WorkspacePlan.forTraining(model.config, TOKENS, SEQUENCES, 1))) {
      TokenBatch batch = examples(model.config.vocabSize());
      return bytesPerStep(() -> {
        model.network.lossAndGradients(workspace, batch, 0.1f, dropout, 5);
        optimizer.step(1e-4, 1, 1);
      });
    }
  }

  private static long ofScoring(boolean cached) throws IOException {
    try (LoadedModel model = LoadedModel.golden(new CpuDevice(2), "A_mha_qv");
        ScoredTokens answers = new ScoredTokens(model.device, model.config, SEQUENCES, 5, 9);
        KeyValueCache cache = new KeyValueCache(model.device, model.config, TOKENS);
        Workspace workspace =
            model.workspace(WorkspacePlan.forInference(model.config, TOKENS, SEQUENCES))) {
      TokenBatch batch = new TokenBatch(TOKENS, SEQUENCES);
      for (int i = 0; i < 4; i++) {
        batch.addPrompt(ids(model.config.vocabSize(), 20 + i), 0, 20 + i, 0);
      }
      @Nullable KeyValueCache used = cached ? cache : null;
      float[] probabilities = new float[4 * answers.count()];
      return bytesPerStep(
          () -> model.network.tokenProbabilities(workspace, batch, used, answers, probabilities));
    }
  }
}
