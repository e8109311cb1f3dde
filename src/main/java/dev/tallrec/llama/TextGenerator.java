package dev.tallrec.llama;

import dev.tallrec.backend.Cleanup;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.function.IntPredicate;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/** Continues a sequence token by token with a K/V cache. */
public final class TextGenerator implements AutoCloseable {

  private final LlamaNetwork network;
  private final Workspace workspace;
  private final KeyValueCache cache;
  private final TokenBatch batch;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment logits;

  /**
   * A generator for sequences of up to {@code maxTokens}, prompt and continuation together.
   *
   * @param adapter to generate with, or {@link Adapter#NONE}
   */
  public TextGenerator(LlamaNetwork network, Adapter adapter, int maxTokens) {
    LlamaConfig config = network.config();
    this.network = network;
    this.batch = new TokenBatch(maxTokens, 1);
    this.workspace =
        new Workspace(
            network.device(), config, adapter, WorkspacePlan.forInference(config, maxTokens, 1));
    try {
      this.logits = arena.allocate((long) config.vocabSize() * Float.BYTES, 64);
      this.cache = new KeyValueCache(network.device(), config, maxTokens);
    } catch (RuntimeException | Error e) {
      Cleanup.after(e, arena::close, workspace::close);
      throw e;
    }
  }

  /**
   * Generates by always taking the likeliest token.
   *
   * @param prompt ids, at least one
   * @param maxNewTokens most tokens generated
   * @param ends whether the text ends after a token, which is then the last one returned
   */
  public int[] greedy(int[] prompt, int maxNewTokens, IntPredicate ends) {
    return generate(prompt, maxNewTokens, ends, 0, null);
  }

  /**
   * Generates by drawing from softmax(logits / temperature).
   *
   * @param temperature above 0
   */
  public int[] sample(
      int[] prompt,
      int maxNewTokens,
      IntPredicate ends,
      double temperature,
      RandomGenerator random) {
    if (!(temperature > 0)) {
      throw new IllegalArgumentException("temperature " + temperature + " is not above 0");
    }
    return generate(prompt, maxNewTokens, ends, temperature, random);
  }

  private int[] generate(
      int[] prompt,
      int maxNewTokens,
      IntPredicate ends,
      double temperature,
      @Nullable RandomGenerator random) {
    if (prompt.length == 0 || prompt.length + maxNewTokens > batch.capacity()) {
      throw new IllegalArgumentException(
          "a prompt of %d tokens and %d more: 1 to %d fit"
              .formatted(prompt.length, maxNewTokens, batch.capacity()));
    }
    int[] generated = new int[maxNewTokens];
    int[] next = new int[1];
    for (int i = 0; i < maxNewTokens; i++) {
      if (i == 0) {
        batch.clear();
        batch.addContinuation(prompt, 0, prompt.length, 0, 0);
      } else {
        int before = prompt.length + i - 1;
        batch.clear(before);
        batch.addContinuation(next, 0, 1, 0, before);
      }
      network.logits(workspace, batch, cache, logits);
      next[0] = random == null ? likeliest() : draw(temperature, random);
      generated[i] = next[0];
      if (ends.test(next[0])) {
        return Arrays.copyOf(generated, i + 1);
      }
    }
    return generated;
  }

  private float logit(int token) {
    return logits.getAtIndex(ValueLayout.JAVA_FLOAT, token);
  }

  private int likeliest() {
    int best = 0;
    for (int token = 1; token < network.config().vocabSize(); token++) {
      if (logit(token) > logit(best)) {
        best = token;
      }
    }
    return best;
  }

  private int draw(double temperature, RandomGenerator random) {
    double largest = logit(likeliest());
    double[] cumulative = new double[network.config().vocabSize()];
    double sum = 0;
    for (int token = 0; token < cumulative.length; token++) {
      sum += Math.exp((logit(token) - largest) / temperature);
      cumulative[token] = sum;
    }
    int found = Arrays.binarySearch(cumulative, random.nextDouble() * sum);
    return Math.min(found < 0 ? -found - 1 : found + 1, cumulative.length - 1);
  }

  @Override
  public void close() {
    workspace.close();
    cache.close();
    arena.close();
  }
}
