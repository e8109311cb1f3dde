package dev.tallrec.endpoint;

/** Probabilities of Yes and No, which add up to 1 at most. */
record Chances(double yes, double no) {

  static final Chances NEITHER = new Chances(0, 0);

  private static final String YES = "yes";
  private static final String NO = "no";

  /**
   * Adds a token if it is Yes or No.
   *
   * @param logProbability natural logarithm
   */
  Chances plus(String token, double logProbability) {
    String word = word(token);
    double probability = Math.exp(logProbability);
    if (word.equalsIgnoreCase(YES)) {
      return bounded(yes + probability, no);
    }
    return word.equalsIgnoreCase(NO) ? bounded(yes, no + probability) : this;
  }

  /** Of an answer that is only known as text. */
  static Chances ofText(String text) {
    int start = wordStart(text);
    if (startsWithWord(text, start, YES)) {
      return new Chances(1, 0);
    }
    return startsWithWord(text, start, NO) ? new Chances(0, 1) : NEITHER;
  }

  /**
   * Whether an answer may begin after a token: one of white space, quotation marks and marks of
   * bold print.
   */
  static boolean isBeforeAnswer(String token) {
    return word(token).isEmpty();
  }

  /** Servers round: a sum a little above 1 is scaled. */
  private static Chances bounded(double yes, double no) {
    // Infinity would become NaN.
    double boundedYes = Math.min(yes, 1);
    double boundedNo = Math.min(no, 1);
    double sum = Math.max(1, boundedYes + boundedNo);
    return new Chances(boundedYes / sum, boundedNo / sum);
  }

  /**
   * A token without white space, quotation marks and marks of bold print around it. Some servers
   * show tokens as their vocabulary does, with other characters for white space.
   */
  private static String word(String token) {
    String shown = token.replace('\u2581', ' ').replace('\u0120', ' ').replace('\u010a', ' ');
    int start = wordStart(shown);
    int end = shown.length();
    while (end > start && isNoPartOfAWord(shown.charAt(end - 1))) {
      end--;
    }
    return shown.substring(start, end);
  }

  private static int wordStart(String text) {
    int start = 0;
    while (start < text.length() && isNoPartOfAWord(text.charAt(start))) {
      start++;
    }
    return start;
  }

  /** White space, a quotation mark, or a mark of bold print. */
  private static boolean isNoPartOfAWord(char c) {
    return Character.isWhitespace(c) || "\"'`*\u2018\u2019\u201c\u201d\u00ab\u00bb".indexOf(c) >= 0;
  }

  /** Not merely with its letters: Nothing is not No. */
  private static boolean startsWithWord(String text, int start, String word) {
    int end = start + word.length();
    return text.regionMatches(true, start, word, 0, word.length())
        && (end == text.length() || !Character.isLetterOrDigit(text.charAt(end)));
  }
}
