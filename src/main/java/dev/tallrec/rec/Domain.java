package dev.tallrec.rec;

import dev.tallrec.text.Instruction;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;

/** What is recommended, and TALLRec's words for it. */
public enum Domain {
  MOVIE,
  BOOK;

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
}
