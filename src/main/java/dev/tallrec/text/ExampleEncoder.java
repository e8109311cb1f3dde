package dev.tallrec.text;

import java.util.Arrays;

/**
 * Examples as tokens: begin token, prompt, answer, end token, as the paper's scripts make them.
 *
 * @param tokenizer of the base model
 * @param template around instruction and input
 * @param cutoff most tokens of an example; what is longer loses its end
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
   * @param cut tokens left out to meet the cutoff
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
   * Encodes a prompt to be answered. If it is longer than the cutoff, what the input begins with
   * (the oldest of the history) is left out: the question at its end must stay.
   *
   * @throws IllegalArgumentException if instruction and template alone exceed the cutoff
   */
  public Prompt encodePrompt(Instruction example) {
    int[] body = tokenizer.encode(template.prompt(example));
    int excess = Math.max(0, body.length + 1 - cutoff);
    int[] ids = new int[body.length + 1 - excess];
    ids[0] = tokenizer.bos();
    int head = excess == 0 ? body.length : tokenizer.encode(template.beforeInput(example)).length;
    if (head + excess > body.length) {
      throw new IllegalArgumentException(
          "a prompt of %d tokens, most of them not input, does not fit a cutoff of %d"
              .formatted(body.length + 1, cutoff));
    }
    System.arraycopy(body, 0, ids, 1, head);
    System.arraycopy(body, head + excess, ids, 1 + head, body.length - head - excess);
    return new Prompt(ids, excess);
  }
}
