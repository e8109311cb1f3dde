package dev.tallrec.endpoint;

/**
 * How likely the answer to a question starts with Yes or No.
 *
 * @param yes probability of Yes in whatever case
 * @param no probability of No in whatever case; together with {@code yes} at most 1
 * @param inputTokens length of the question, as the server counted or, if it did not, estimated
 * @param outputTokens length of the answer, likewise
 * @param cached whether it was kept from an earlier time, at no cost
 */
public record Answer(double yes, double no, int inputTokens, int outputTokens, boolean cached) {

  private static final double ROUNDING = 1e-9;

  /**
   * Checks every part.
   *
   * @throws IllegalArgumentException on what is no probability or no count
   */
  public Answer {
    // Written so that NaN fails too.
    if (!(yes >= 0 && no >= 0 && yes + no <= 1 + ROUNDING)) {
      throw new IllegalArgumentException(
          "%s and %s are no probabilities of Yes and No".formatted(yes, no));
    }
    if (inputTokens < 0 || outputTokens < 0) {
      throw new IllegalArgumentException(
          "%d and %d are no counts of tokens".formatted(inputTokens, outputTokens));
    }
  }
}
