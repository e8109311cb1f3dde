package dev.tallrec.rec;

import dev.tallrec.text.Instruction;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** What is recommended, and TALLRec's words for it. */
public enum Domain {
  MOVIE,
  BOOK;

  private static final Pattern INPUT =
      Pattern.compile(
          "User Preference: ?(.*)\\nUser Unpreference: ?(.*)\\nWhether the user will like the target (?:movie|book) (.*)\\?",
          Pattern.DOTALL);
  // Between two items stands a comma, and each item begins with a quotation mark.
  private static final Pattern SEPARATOR = Pattern.compile(", \"");

  /** "movie" or "book". */
  public String word() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** The domain of that {@link #word}. */
  public static Optional<Domain> named(String word) {
    for (Domain domain : values()) {
      if (domain.word().equals(word)) {
        return Optional.of(domain);
      }
    }
    return Optional.empty();
  }

  /**
   * The question whether a user will like {@code target}, worded as in the published examples.
   *
   * @param liked items as they stand in the prompt: titles; for books, where the author is known,
   *     in the form {@code Title" written by Author} with the quotation mark after the title
   * @param answer "Yes." or "No.", or empty where it is asked for
   */
  public Instruction question(
      List<String> liked, List<String> disliked, String target, String answer) {
    String instruction =
        "Given the user's preference and unpreference, identify whether the user will like the target "
            + word()
            + " by answering \"Yes.\" or \"No.\".";
    String input =
        "User Preference: %s\nUser Unpreference: %s\nWhether the user will like the target %s \"%s\"?"
            .formatted(list(liked), list(disliked), word(), this == BOOK ? quoted(target) : target);
    return new Instruction(instruction, input, answer);
  }

  private String list(List<String> items) {
    return items.stream().map(this::quoted).collect(Collectors.joining(", "));
  }

  /**
   * {@code "Title"}, and {@code "Title" written by Author} for a book that comes with its author.
   */
  private String quoted(String item) {
    boolean hasAuthor = this == BOOK && item.contains("\" written by ");
    return "\"" + item + (hasAuthor ? "" : "\"");
  }

  /**
   * Share of liked items in the history that an example's input shows; empty if it shows none or is
   * not of the published form.
   */
  public static OptionalDouble likedShare(Instruction example) {
    Matcher matcher = INPUT.matcher(example.input());
    if (!matcher.matches()) {
      return OptionalDouble.empty();
    }
    int liked = count(matcher.group(1));
    int disliked = count(matcher.group(2));
    return liked + disliked == 0
        ? OptionalDouble.empty()
        : OptionalDouble.of((double) liked / (liked + disliked));
  }

  /**
   * The target item of an example, as it stands in the prompt; empty if it is not of the published
   * form.
   */
  public static Optional<String> target(Instruction example) {
    Matcher matcher = INPUT.matcher(example.input());
    return matcher.matches() ? Optional.of(matcher.group(3)) : Optional.empty();
  }

  private static int count(String items) {
    return items.isBlank() ? 0 : 1 + (int) SEPARATOR.matcher(items).results().count();
  }
}
