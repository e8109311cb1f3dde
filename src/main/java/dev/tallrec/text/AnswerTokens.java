package dev.tallrec.text;

import java.io.IOException;

/**
 * The tokens that decide about an answer: the first of "Yes." and of "No." after the prompt's line
 * end.
 *
 * @param yes id of "Yes"
 * @param no id of "No"
 */
public record AnswerTokens(int yes, int no) {

  /**
   * Those of {@code tokenizer}: 8241 and 3782 in LLaMA's.
   *
   * @throws IOException if it begins both answers with the same token
   */
  public static AnswerTokens of(Tokenizer tokenizer) throws IOException {
    int yes = first(tokenizer, "Yes.");
    int no = first(tokenizer, "No.");
    if (yes == no) {
      throw new IOException(
          "the tokenizer begins \"Yes.\" and \"No.\" with the same token, " + yes);
    }
    return new AnswerTokens(yes, no);
  }

  private static int first(Tokenizer tokenizer, String answer) {
    return tokenizer.encode("\n" + answer)[tokenizer.encode("\n").length];
  }
}
