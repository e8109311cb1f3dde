package dev.tallrec.rec;

import dev.tallrec.llama.Adapter;
import dev.tallrec.llama.KeyValueCache;
import dev.tallrec.llama.LlamaConfig;
import dev.tallrec.llama.LlamaNetwork;
import dev.tallrec.llama.ScoredTokens;
import dev.tallrec.llama.TokenBatch;
import dev.tallrec.llama.Workspace;
import dev.tallrec.llama.WorkspacePlan;
import dev.tallrec.text.AnswerTokens;
import java.util.ArrayList;
import java.util.List;

/**
 * Scores prompts with one forward pass and two probabilities each: nothing is decoded. Keys and
 * values of the tokens that all prompts begin with are computed once and kept.
 */
public final class TasteScorer implements AutoCloseable {

  /** Told how far a run of {@link #score} has come. */
  @FunctionalInterface
  public interface Progress {
    void scored(int done, int all);
  }

  private static final int MOST_SEQUENCES = 256;

  private final LlamaNetwork network;
  private final List<int[]> prompts;
  private final int prefixLength;
  private final int batchTokens;
  private final TokenBatch batch;
  private final Workspace workspace;
  private final KeyValueCache cache;
  private final ScoredTokens answers;
  private final float[] probabilities;

  /**
   * A scorer of {@code prompts}.
   *
   * @param adapter whose current values each {@link #score} uses, or {@link Adapter#NONE}
   * @param prompts token ids, begin token included
   * @param batchTokens tokens computed at a time; raised to the longest prompt
   * @throws dev.tallrec.backend.DeviceMemoryException if that does not fit
   */
  public TasteScorer(
      LlamaNetwork network,
      Adapter adapter,
      AnswerTokens tokens,
      List<int[]> prompts,
      int batchTokens) {
    if (prompts.isEmpty()) {
      throw new IllegalArgumentException("no prompts to score");
    }
    LlamaConfig config = network.config();
    this.network = network;
    this.prompts = List.copyOf(prompts);
    this.prefixLength = commonPrefix(prompts);
    int longest = prompts.stream().mapToInt(prompt -> prompt.length).max().orElseThrow();
    this.batchTokens = Math.max(batchTokens, longest);
    int sequences = Math.min(MOST_SEQUENCES, prompts.size());
    this.batch = new TokenBatch(this.batchTokens, sequences);
    this.probabilities = new float[2 * sequences];
    this.workspace =
        new Workspace(
            network.device(),
            config,
            adapter,
            WorkspacePlan.forInference(config, this.batchTokens, sequences));
    this.cache = new KeyValueCache(network.device(), config, prefixLength + this.batchTokens);
    this.answers = new ScoredTokens(network.device(), config, sequences, tokens.yes(), tokens.no());
  }

  /** Tokens that all begin with; at least one is left to each prompt. */
  private static int commonPrefix(List<int[]> prompts) {
    int[] first = prompts.getFirst();
    int common = prompts.size() == 1 ? 0 : first.length - 1;
    for (int[] prompt : prompts) {
      common = Math.min(common, prompt.length - 1);
      for (int i = 0; i < common; i++) {
        if (prompt[i] != first[i]) {
          common = i;
        }
      }
    }
    return common;
  }

  /** Scores all prompts, in their order. */
  public List<Taste> score(Progress progress) {
    if (prefixLength > 0) {
      batch.clear();
      batch.addPrompt(prompts.getFirst(), 0, prefixLength, 0);
      network.tokenProbabilities(workspace, batch, cache, answers, probabilities);
    }
    List<Taste> tastes = new ArrayList<>();
    batch.clear(prefixLength);
    for (int[] prompt : prompts) {
      if (!batch.fits(prompt.length - prefixLength)) {
        flush(tastes, progress);
      }
      batch.addPrompt(prompt, prefixLength, prompt.length, 0);
    }
    flush(tastes, progress);
    return tastes;
  }

  private void flush(List<Taste> tastes, Progress progress) {
    network.tokenProbabilities(workspace, batch, cache, answers, probabilities);
    int count = batch.labels();
    for (int i = 0; i < count; i++) {
      tastes.add(new Taste(probabilities[2 * i], probabilities[2 * i + 1]));
    }
    batch.clear(prefixLength);
    progress.scored(tastes.size(), prompts.size());
  }

  /** Device memory taken, in bytes. */
  public long allocatedBytes() {
    return workspace.allocatedBytes();
  }

  @Override
  public void close() {
    answers.close();
    cache.close();
    workspace.close();
  }
}
