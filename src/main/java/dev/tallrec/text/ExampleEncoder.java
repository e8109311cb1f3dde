package dev.tallrec.text;

import java.util.Arrays;
import java.util.Optional;

/**
 * Examples as tokens: begin token, prompt, answer, end token, as the paper's scripts make them.
 *
 * @param tokenizer of the base model
 * @param template around instruction and input
 * @param cutoff most tokens of an example or a prompt; longer examples lose their end, as in those
 *     scripts
 * @param trainOnInputs whether prompt tokens are learned, too, or the answer alone
 */
public record ExampleEncoder(
    Tokenizer tokenizer, PromptTemplate template, int cutoff, boolean trainOnInputs) {

  /**
   * An encoded example.
   *
   * @param tokens ids and labels
   * @param cut tokens lost to the cutoff
   */
  public record Encoded(LabelledTokens tokens, int cut) {}

  /**
   * An encoded prompt.
   *
   * @param ids begin token and prompt
   * @param cut tokens of its input that were cut off to meet the cutoff
   */
  public record Prompt(int[] ids, int cut) {}

  /** Throws {@link IllegalArgumentException} if the cutoff leaves no room. */
  public ExampleEncoder {
    if (cutoff < 2) {
      throw new IllegalArgumentException("a cutoff of " + cutoff + " tokens");
    }
  }

  /**
   * Encodes a training example.
   *
   * @throws IllegalArgumentException if the cut leaves no label
   */
  public Encoded encode(Instruction example) {
    String prompt = template.prompt(example);
    int[] body = tokenizer.encode(prompt + example.output());
    int whole = body.length + 2;
    int[] ids = new int[Math.min(cutoff, whole)];
    ids[0] = tokenizer.bos();
    System.arraycopy(body, 0, ids, 1, Math.min(body.length, ids.length - 1));
    if (ids.length == whole) {
      ids[whole - 1] = tokenizer.eos();
    }
    boolean[] isLabel = new boolean[ids.length];
    int firstLabel = trainOnInputs ? 1 : 1 + tokenizer.encode(prompt).length;
    if (firstLabel >= ids.length) {
      throw new IllegalArgumentException(
          "of %d tokens the first %d are kept, and no token of the answer is among them: raise the cutoff"
              .formatted(whole, cutoff));
    }
    Arrays.fill(isLabel, firstLabel, ids.length, true);
    return new Encoded(new LabelledTokens(ids, isLabel), whole - ids.length);
  }

  /**
   * Encodes a prompt to be answered if it is not longer than the cutoff: begin token and prompt.
   * Who knows what an input is made of leaves out what matters least, and asks again.
   */
  public Optional<int[]> encodeWholePrompt(Instruction example) {
    int[] body = tokenizer.encode(template.prompt(example));
    return body.length < cutoff ? Optional.of(afterBegin(body, body.length, 0)) : Optional.empty();
  }

  /**
   * Encodes a prompt to be answered. If it is longer than the cutoff, tokens are cut off the start
   * of its input, whatever they are: what is asked usually stands at the end.
   *
   * @throws IllegalArgumentException if instruction and template alone exceed the cutoff
   */
  public Prompt encodePrompt(Instruction example) {
    int[] body = tokenizer.encode(template.prompt(example));
    int excess = Math.max(0, body.length + 1 - cutoff);
    if (excess == 0) {
      return new Prompt(afterBegin(body, body.length, 0), 0);
    }
    int head = tokenizer.encode(template.beforeInput(example)).length;
    if (head + excess > tokenizer.encode(template.throughInput(example)).length) {
      throw new IllegalArgumentException(
          "a prompt of %d tokens, most of them not input, does not fit a cutoff of %d"
              .formatted(body.length + 1, cutoff));
    }
    return new Prompt(afterBegin(body, head, excess), excess);
  }

  /** Begin token and {@code body} without the {@code count} tokens that stand at {@code from}. */
  private int[] afterBegin(int[] body, int from, int count) {
    int[] ids = new int[1 + body.length - count];
    ids[0] = tokenizer.bos();
    System.arraycopy(body, 0, ids, 1, from);
    System.arraycopy(body, from + count, ids, 1 + from, body.length - from - count);
    return ids;
  }
}
