package dev.tallrec.rec;

import dev.tallrec.text.ExampleEncoder;
import dev.tallrec.text.Instruction;
import java.util.Optional;
import java.util.function.IntFunction;

/**
 * A question as tokens that meet the cutoff of their encoder. What does not fit goes without the
 * oldest items of its history, likes and dislikes alike.
 *
 * @param ids begin token and prompt
 * @param itemsLeftOut items of the history that are not in the prompt
 * @param tokensCut tokens cut off the start of an input that is not of the published form, so that
 *     nothing is known of its items
 */
public record FittedPrompt(int[] ids, int itemsLeftOut, int tokensCut) {

  /**
   * Fits a question.
   *
   * @throws IllegalArgumentException if it does not fit with one item of its history
   */
  public static FittedPrompt of(ExampleEncoder encoder, Domain domain, Question question) {
    IntFunction<Instruction> withoutOldest =
        oldest -> {
          Question rest = question.withoutOldest(oldest);
          return domain.question(rest.liked(), rest.disliked(), rest.target(), "");
        };
    return encoder
        .encodeWholePrompt(withoutOldest.apply(0))
        .map(FittedPrompt::whole)
        .orElseGet(() -> shortened(encoder, question.history().size(), withoutOldest));
  }

  /**
   * Fits an example's question, in the order of its history where that is known.
   *
   * @throws IllegalArgumentException if it does not fit with one item of its history, or its
   *     instruction alone does not
   */
  public static FittedPrompt of(ExampleEncoder encoder, RecExample example) {
    return encoder
        .encodeWholePrompt(example.text())
        .map(FittedPrompt::whole)
        .orElseGet(() -> shortened(encoder, example));
  }

  private static FittedPrompt whole(int[] ids) {
    return new FittedPrompt(ids, 0, 0);
  }

  private static FittedPrompt shortened(ExampleEncoder encoder, RecExample example) {
    Optional<Question> question = Question.parse(example.text());
    if (question.isEmpty()) {
      ExampleEncoder.Prompt prompt = encoder.encodePrompt(example.text());
      return new FittedPrompt(prompt.ids(), 0, prompt.cut());
    }
    return shortened(
        encoder,
        question.get().history().size(),
        oldest -> Question.withoutOldest(example.text(), oldest, example.order()));
  }

  /** Leaves out as few of the items as will do; one stays. */
  private static FittedPrompt shortened(
      ExampleEncoder encoder, int items, IntFunction<Instruction> withoutOldest) {
    int tooFew = 0;
    int enough = Math.max(0, items - 1);
    int[] ids =
        encoder
            .encodeWholePrompt(withoutOldest.apply(enough))
            .orElseThrow(() ->
                new IllegalArgumentException(
                    "a question with no more than one item of its history does not fit a cutoff of %d tokens"
                        .formatted(encoder.cutoff())));
    while (enough - tooFew > 1) {
      int middle = (tooFew + enough) >>> 1;
      Optional<int[]> shorter = encoder.encodeWholePrompt(withoutOldest.apply(middle));
      if (shorter.isPresent()) {
        enough = middle;
        ids = shorter.get();
      } else {
        tooFew = middle;
      }
    }
    return new FittedPrompt(ids, enough, 0);
  }
}
