package dev.tallrec.text;

/**
 * An example to learn from.
 *
 * @param ids tokens, BOS and EOS included
 * @param isLabel which of them are to be predicted; as long as {@code ids}, false for the first
 */
public record LabelledTokens(int[] ids, boolean[] isLabel) {

  /** Throws {@link IllegalArgumentException} if nothing is to be predicted. */
  public LabelledTokens {
    if (ids.length != isLabel.length) {
      throw new IllegalArgumentException(
          ids.length + " tokens, " + isLabel.length + " label flags");
    }
    if (countLabels(isLabel) == 0) {
      throw new IllegalArgumentException("an example without a label");
    }
  }

  private static int countLabels(boolean[] isLabel) {
    int count = 0;
    for (int i = 1; i < isLabel.length; i++) {
      count += isLabel[i] ? 1 : 0;
    }
    return count;
  }

  /** Tokens whose prediction is learned. */
  public int labelCount() {
    return countLabels(isLabel);
  }
}
