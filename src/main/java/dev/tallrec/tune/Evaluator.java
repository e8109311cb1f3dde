package dev.tallrec.tune;

import dev.tallrec.llama.Adapter;
import dev.tallrec.llama.Workspace;
import dev.tallrec.model.BaseModel;
import dev.tallrec.rec.Evaluation;
import dev.tallrec.rec.FittedPrompt;
import dev.tallrec.rec.RecExample;
import dev.tallrec.rec.Taste;
import dev.tallrec.rec.TasteScorer;
import dev.tallrec.text.AnswerTokens;
import dev.tallrec.text.ExampleEncoder;
import dev.tallrec.train.TrainingStoppedException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;

/** Scores data sets with a model. */
public final class Evaluator {

  private final BaseModel base;
  private final AnswerTokens answers;
  private final ExampleEncoder encoder;
  private final int batchTokens;
  private final RunListener listener;
  private final BooleanSupplier stop;
  private final Map<List<RecExample>, List<int[]>> encoded = new LinkedHashMap<>();

  /**
   * An evaluator.
   *
   * @param encoder of prompts
   * @param batchTokens tokens scored at a time
   * @param stop asked before so many tokens are scored whether to stop
   * @throws IOException if the tokenizer cannot tell the answers apart
   */
  public Evaluator(
      BaseModel base,
      ExampleEncoder encoder,
      int batchTokens,
      RunListener listener,
      BooleanSupplier stop)
      throws IOException {
    this.base = base;
    this.answers = AnswerTokens.of(base.tokenizer());
    this.encoder = encoder;
    this.batchTokens = batchTokens;
    this.listener = listener;
    this.stop = stop;
  }

  /** Scores of {@code examples}, in their order. */
  public List<Taste> score(String name, List<RecExample> examples, Adapter adapter)
      throws TrainingStoppedException {
    return scorePrompts(name, prompts(name, examples), adapter);
  }

  /**
   * How good an adapter is on {@code examples}, computed in a workspace that has it.
   *
   * @param workspace for at least the longest prompt, and as many sequences as a {@link
   *     TasteScorer} wants
   */
  public Evaluation evaluate(String name, List<RecExample> examples, Workspace workspace)
      throws TrainingStoppedException {
    try (TasteScorer scorer =
        new TasteScorer(base.network(), workspace, answers, prompts(name, examples))) {
      return Evaluation.of(examples, score(name, examples.size(), scorer));
    }
  }

  /** Scores of prompts as {@link #prompts} gives them, maybe with more before them. */
  public List<Taste> scorePrompts(String name, List<int[]> prompts, Adapter adapter)
      throws TrainingStoppedException {
    try (TasteScorer scorer =
        new TasteScorer(base.network(), adapter, answers, prompts, batchTokens)) {
      return score(name, prompts.size(), scorer);
    }
  }

  private List<Taste> score(String name, int count, TasteScorer scorer)
      throws TrainingStoppedException {
    stopIfTold(name);
    listener.begin("scoring " + name, count);
    List<Taste> tastes =
        scorer.score((done, all) -> {
          listener.advance(done, "");
          if (done < all) {
            stopIfTold(name);
          }
        });
    listener.end();
    return tastes;
  }

  private void stopIfTold(String name) throws TrainingStoppedException {
    TrainingStoppedException.throwIf(stop, "stopped while scoring " + name);
  }

  /** How good the scores of {@code examples} are. */
  public Evaluation evaluate(String name, List<RecExample> examples, Adapter adapter)
      throws TrainingStoppedException {
    return Evaluation.of(examples, score(name, examples, adapter));
  }

  /**
   * Prompts of {@code examples}, begin token included; says, the first time, how many were
   * shortened.
   *
   * @throws IllegalArgumentException naming the example that does not fit the cutoff
   */
  public List<int[]> prompts(String name, List<RecExample> examples) {
    return encoded.computeIfAbsent(examples, all -> encode(name, all));
  }

  private List<int[]> encode(String name, List<RecExample> examples) {
    List<int[]> prompts = new ArrayList<>();
    int withoutItems = 0;
    int cut = 0;
    for (RecExample example : examples) {
      FittedPrompt prompt = fitted(name, prompts.size() + 1, example);
      prompts.add(prompt.ids());
      withoutItems += prompt.itemsLeftOut() > 0 ? 1 : 0;
      cut += prompt.tokensCut() > 0 ? 1 : 0;
    }
    tell(name, withoutItems, prompts.size(), "the oldest items of their history");
    tell(name, cut, prompts.size(), "the start of their input");
    return prompts;
  }

  private FittedPrompt fitted(String name, int number, RecExample example) {
    try {
      return FittedPrompt.of(encoder, example);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(
          "%s, example %d: %s".formatted(name, number, e.getMessage()), e);
    }
  }

  private void tell(String name, int shortened, int all, String lost) {
    if (shortened > 0) {
      listener.message(
          "%s: %d of %d prompts lost %s to the cutoff of %d tokens"
              .formatted(name, shortened, all, lost, encoder.cutoff()));
    }
  }
}
