package dev.tallrec.rec;

import dev.tallrec.backend.Cleanup;
import dev.tallrec.backend.Device;
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
 * values of the tokens that all prompts begin with are computed once and kept; what some prompts
 * share beyond that, once for those.
 */
public final class TasteScorer implements AutoCloseable {

  /**
   * Told how far a run of {@link #score} has come, which it may end.
   *
   * @param <E> by what
   */
  @FunctionalInterface
  public interface Progress<E extends Exception> {
    void scored(int done, int all) throws E;
  }

  private static final int MOST_SEQUENCES = 256;

  private final LlamaNetwork network;
  private final List<int[]> prompts;
  private final int prefixLength;
  private final List<PromptGroup> groups;
  private final int batchTokens;
  private final TokenBatch batch;
  private final Workspace workspace;
  private final boolean ownsWorkspace;
  private final KeyValueCache cache;
  private final ScoredTokens answers;
  private final float[] probabilities;

  /**
   * A scorer of {@code prompts} with a workspace of its own.
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
    this(
        network,
        new Workspace(
            network.device(),
            network.config(),
            adapter,
            WorkspacePlan.forInference(
                network.config(),
                Math.max(batchTokens, longest(prompts)),
                mostSequences(prompts.size()))),
        true,
        tokens,
        prompts);
  }

  /**
   * A scorer of {@code prompts} in a workspace of someone else, maybe one for training, with the
   * adapter that it has.
   *
   * @param workspace for at least the longest prompt's tokens, and {@link #mostSequences}
   */
  public TasteScorer(
      LlamaNetwork network, Workspace workspace, AnswerTokens tokens, List<int[]> prompts) {
    this(network, workspace, false, tokens, prompts);
  }

  private TasteScorer(
      LlamaNetwork network,
      Workspace workspace,
      boolean ownsWorkspace,
      AnswerTokens tokens,
      List<int[]> prompts) {
    LlamaConfig config = network.config();
    Device device = network.device();
    this.network = network;
    this.workspace = workspace;
    this.ownsWorkspace = ownsWorkspace;
    this.prompts = List.copyOf(prompts);
    this.prefixLength = commonPrefix(prompts);
    this.batchTokens = workspace.plan().maxTokens();
    this.groups = PromptGroup.of(this.prompts, prefixLength, this.batchTokens);
    int sequences = mostSequences(prompts.size());
    this.batch = new TokenBatch(this.batchTokens, sequences);
    this.probabilities = new float[2 * sequences];
    KeyValueCache keys = null;
    try {
      // Behind the rows of a batch, as many again for what its groups share.
      keys = KeyValueCache.keeping(device, config, prefixLength, 2 * this.batchTokens);
      this.answers = new ScoredTokens(device, config, sequences, tokens.yes(), tokens.no());
      this.cache = keys;
    } catch (RuntimeException | Error e) {
      if (keys != null) {
        Cleanup.after(e, keys::close);
      }
      if (ownsWorkspace) {
        Cleanup.after(e, workspace::close);
      }
      throw e;
    }
  }

  /** Tokens of the longest of {@code prompts}. */
  public static int longest(List<int[]> prompts) {
    return prompts.stream()
        .mapToInt(prompt -> prompt.length)
        .max()
        .orElseThrow(() -> new IllegalArgumentException("no prompts to score"));
  }

  /** Most sequences that so many prompts are made at a time. */
  public static int mostSequences(int prompts) {
    return Math.min(MOST_SEQUENCES, 2 * prompts);
  }

  /** Tokens that all begin with; at least one is left to each prompt. */
  private static int commonPrefix(List<int[]> prompts) {
    int[] first = prompts.getFirst();
    int common = prompts.size() == 1 ? 0 : first.length - 1;
    for (int[] prompt : prompts) {
      common = Math.min(common, PromptGroup.sharedLength(first, prompt));
    }
    return common;
  }

  /**
   * Scores all prompts, in their order.
   *
   * @throws E if {@code progress} does; the prompts can be scored anew
   */
  public <E extends Exception> List<Taste> score(Progress<E> progress) throws E {
    if (prefixLength > 0) {
      batch.clear();
      batch.addPrompt(prompts.getFirst(), 0, prefixLength, 0);
      network.tokenProbabilities(workspace, batch, cache, answers, probabilities);
    }
    Taste[] tastes = new Taste[prompts.size()];
    List<Integer> inBatch = new ArrayList<>();
    int done = 0;
    batch.clear(prefixLength);
    for (PromptGroup group : groups) {
      if (!batch.fitsGroup(
          group.tokens(prompts, prefixLength), group.sequences(), group.repeatedRows())) {
        done += flush(inBatch, tastes);
        progress.scored(done, tastes.length);
      }
      add(group);
      inBatch.addAll(group.members());
    }
    done += flush(inBatch, tastes);
    progress.scored(done, tastes.length);
    return List.of(tastes);
  }

  private void add(PromptGroup group) {
    int prefixStart = 0;
    if (group.repeatedRows() > 0) {
      int[] first = prompts.get(group.members().getFirst());
      prefixStart = batch.addSharedTokens(first, prefixLength, group.shared());
    }
    for (int member : group.members()) {
      int[] prompt = prompts.get(member);
      batch.addPrompt(prompt, group.shared(), prompt.length, prefixStart);
    }
  }

  /** Computes the batch, whose prompts are {@code inBatch}; empties both. */
  private int flush(List<Integer> inBatch, Taste[] tastes) {
    network.tokenProbabilities(workspace, batch, cache, answers, probabilities);
    int count = inBatch.size();
    for (int i = 0; i < count; i++) {
      tastes[inBatch.get(i)] = new Taste(probabilities[2 * i], probabilities[2 * i + 1]);
    }
    inBatch.clear();
    batch.clear(prefixLength);
    return count;
  }

  @Override
  public void close() {
    answers.close();
    cache.close();
    if (ownsWorkspace) {
      workspace.close();
    }
  }
}
