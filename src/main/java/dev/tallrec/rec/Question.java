package dev.tallrec.rec;

import dev.tallrec.text.Instruction;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * What an example of the published form asks: whether a user with these likes and dislikes will
 * like the target.
 *
 * @param liked items, in the order of the prompt; a book with its author is {@code Title" written
 *     by Author}
 * @param disliked items, in the order of the prompt
 * @param target the item asked about
 */
public record Question(List<String> liked, List<String> disliked, String target) {

  /** What the user thought of an item of the history. */
  public record Opinion(String item, boolean liked) {}

  private static final Pattern INPUT =
      Pattern.compile(
          "User Preference: ?(.*)\\nUser Unpreference: ?(.*)\\nWhether the user will like the target (?:movie|book) (.*)\\?",
          Pattern.DOTALL);
  // Between two items stands a comma, and each item begins with a quotation mark.
  private static final Pattern SEPARATOR = Pattern.compile(", \"");
  private static final Pattern MARKS = Pattern.compile("^\"+|\"+$");

  /** Reads an example's input; empty if it is not of the published form. */
  public static Optional<Question> parse(Instruction example) {
    Matcher matcher = INPUT.matcher(example.input());
    return matcher.matches()
        ? Optional.of(
            new Question(
                items(matcher.group(1)), items(matcher.group(2)), unquoted(matcher.group(3))))
        : Optional.empty();
  }

  private static List<String> items(String list) {
    return list.isBlank()
        ? List.of()
        : SEPARATOR.splitAsStream(list).map(Question::unquoted).toList();
  }

  /** Published targets of books have two marks on the left, items of a list one or none. */
  private static String unquoted(String item) {
    return MARKS.matcher(item).replaceAll("");
  }

  /** All items of the history, likes first. */
  public List<String> history() {
    return Stream.concat(liked.stream(), disliked.stream()).toList();
  }

  /** Share of liked items in the history; empty if there is no history. */
  public OptionalDouble likedShare() {
    int all = liked.size() + disliked.size();
    return all == 0 ? OptionalDouble.empty() : OptionalDouble.of((double) liked.size() / all);
  }

  /**
   * The history as it happened, oldest first, which the prompt's two lists alone do not tell.
   *
   * @param order a 1 for each like and a 0 for each dislike, oldest first; empty if not known: then
   *     likes come first
   * @throws IllegalArgumentException if the history has other numbers of likes and dislikes
   */
  public List<Opinion> inOrder(String order) {
    String marks = order.isEmpty() ? "1".repeat(liked.size()) + "0".repeat(disliked.size()) : order;
    if (!fits(marks)) {
      throw new IllegalArgumentException(
          "order %s of %d likes and %d dislikes".formatted(marks, liked.size(), disliked.size()));
    }
    List<Opinion> opinions = new ArrayList<>();
    int likes = 0;
    for (int i = 0; i < marks.length(); i++) {
      boolean like = marks.charAt(i) == '1';
      opinions.add(new Opinion(like ? liked.get(likes) : disliked.get(i - likes), like));
      likes += like ? 1 : 0;
    }
    return opinions;
  }

  /**
   * The same question without the {@code count} oldest items of its history. Each list is taken to
   * be in the order it happened, and both to be spread evenly over the same time.
   */
  public Question withoutOldest(int count) {
    int likes = likesAmongOldest(count, "");
    return new Question(
        liked.subList(likes, liked.size()),
        disliked.subList(count - likes, disliked.size()),
        target);
  }

  /**
   * An example of the published form without the {@code count} oldest items of its history; all
   * else is as it stands, to the letter.
   *
   * @param order as in {@link #inOrder}; if it is empty, as in {@link #withoutOldest(int)}
   * @throws IllegalArgumentException if the example is not of that form
   */
  static Instruction withoutOldest(Instruction example, int count, String order) {
    String input = example.input();
    Matcher matcher = INPUT.matcher(input);
    Question question =
        parse(example)
            .filter(parsed -> matcher.matches())
            .orElseThrow(() -> new IllegalArgumentException("not of the published form: " + input));
    int likes = question.likesAmongOldest(count, order);
    String shorter =
        input.substring(0, matcher.start(1))
            + withoutFirst(matcher.group(1), likes)
            + input.substring(matcher.end(1), matcher.start(2))
            + withoutFirst(matcher.group(2), count - likes)
            + input.substring(matcher.end(2));
    return new Instruction(example.instruction(), shorter, example.output());
  }

  private static String withoutFirst(String list, int count) {
    Matcher separator = SEPARATOR.matcher(list);
    int start = 0;
    for (int i = 0; i < count; i++) {
      // The quotation mark that ends the separator begins an item.
      start = separator.find() ? separator.end() - 1 : list.length();
    }
    return list.substring(start);
  }

  private int likesAmongOldest(int count, String order) {
    if (!order.isEmpty()) {
      return (int) order.chars().limit(count).filter(mark -> mark == '1').count();
    }
    int likes = 0;
    for (int i = 0; i < count; i++) {
      // Item i of n stands at (i + 1/2) / n of the time.
      long nextLike = (2L * likes + 1) * disliked.size();
      long nextDislike = (2L * (i - likes) + 1) * liked.size();
      likes += nextLike <= nextDislike && likes < liked.size() ? 1 : 0;
    }
    return likes;
  }

  /** Whether {@code marks} can be the order of this history. */
  boolean fits(String marks) {
    long likes = marks.chars().filter(mark -> mark == '1').count();
    long dislikes = marks.chars().filter(mark -> mark == '0').count();
    return likes == liked.size()
        && dislikes == disliked.size()
        && likes + dislikes == marks.length();
  }
}
