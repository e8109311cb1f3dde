package dev.tallrec.rec;

/**
 * What the model says of a user and an item.
 *
 * @param yes probability of "Yes" over the whole vocabulary
 * @param no probability of "No" over the whole vocabulary
 */
public record Taste(double yes, double no) {

  /**
   * What examples are ranked by: pYes - pNo. The paper's scripts take sigmoid(pYes - pNo), which
   * ranks the same.
   */
  public double score() {
    return yes - no;
  }
}
