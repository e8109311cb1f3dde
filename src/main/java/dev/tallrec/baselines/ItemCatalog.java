package dev.tallrec.baselines;

import dev.tallrec.rec.Question;
import dev.tallrec.rec.RecData;
import dev.tallrec.rec.RecExample;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Numbers of the items that a data set speaks of, in all its parts: a recommender's tables have a
 * row for each. Two items of one title are one item here, as they are in a prompt.
 */
public final class ItemCatalog {

  private final Map<String, Integer> numbers;

  private ItemCatalog(Map<String, Integer> numbers) {
    this.numbers = numbers;
  }

  /**
   * The items of {@code data}.
   *
   * @throws IOException naming the example that is not of the published form, for without items
   *     there is nothing to learn from
   */
  public static ItemCatalog of(RecData data) throws IOException {
    Map<String, Integer> numbers = new LinkedHashMap<>();
    for (List<RecExample> part : List.of(data.train(), data.valid(), data.test())) {
      for (RecExample example : part) {
        Question question = question(data.name(), part, example);
        for (String item : question.history()) {
          numbers.putIfAbsent(item, numbers.size());
        }
        numbers.putIfAbsent(question.target(), numbers.size());
      }
    }
    return new ItemCatalog(numbers);
  }

  private static Question question(String name, List<RecExample> part, RecExample example)
      throws IOException {
    Optional<Question> question = Question.parse(example.text());
    return question.orElseThrow(() ->
        new IOException(
            "%s: example %d is not of the published form, so its items are not known"
                .formatted(name, part.indexOf(example) + 1)));
  }

  /** How many items there are. Numbers are 0 to this, exclusive. */
  public int size() {
    return numbers.size();
  }

  /**
   * The items by number, as text for a model that reads: titles, and {@code "Title" written by
   * Author}, of which {@link Question} has taken the first mark away.
   */
  public List<String> items() {
    return numbers.keySet().stream()
        .map(item -> item.contains("\" written by ") ? "\"" + item : item)
        .toList();
  }

  /** The number that stands where a history has no items at all. */
  int padding() {
    return numbers.size();
  }

  /** The number of an item of this data set. */
  int number(String item) {
    Integer number = numbers.get(item);
    if (number == null) {
      throw new IllegalArgumentException("not an item of this data set: " + item);
    }
    return number;
  }
}
