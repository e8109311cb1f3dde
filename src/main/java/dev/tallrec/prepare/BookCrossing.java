package dev.tallrec.prepare;

import dev.tallrec.rec.Domain;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.regex.Pattern;

/**
 * Book examples out of Book-Crossing by the paper's procedure: above 5 is liked, so that ratings of
 * 0, which say only that a user had the book, are dislikes; users of fewer than 4 ratings are left
 * out; of each other user one example is made, whose history is at most 10 of the user's books, at
 * random because ratings have no time; users are split 8 : 1 : 1 at random.
 *
 * <p>Editions of a book are books of their own, as in the paper: a user can have the target in
 * their history too, in another edition.
 *
 * <p>The paper's very files cannot be made again: its script split users without a seed. Nor do
 * items with quotation marks in their titles come out as in its files, where the script's reader
 * left escapes half undone.
 */
public final class BookCrossing {

  private static final String BOOKS = "BX-Books.csv";

  /** Of the full set, and of the subset of explicit ratings. */
  private static final List<String> RATINGS = List.of("BX-Book-Ratings.csv", "BX-Ratings.csv");

  private static final String REMEDY = "unpack the CSV files of Book-Crossing there";
  private static final int HISTORY = 10;
  private static final int FEWEST = 4;
  private static final int LIKED_ABOVE = 5;
  private static final int HIGHEST = 10;
  private static final Pattern LINE_ENDS = Pattern.compile("\\s*\\R\\s*");

  private record Book(String isbn, String item) {}

  private final Map<String, Integer> skipped = new TreeMap<>();
  private final Map<String, Book> books = new HashMap<>();
  private final Map<String, Map<Book, Boolean>> likes = new LinkedHashMap<>();

  private BookCrossing() {}

  /**
   * Makes train.json, valid.json, test.json, users.json.gz and order.json.gz. Books, ratings and
   * users that cannot be used are counted by reason.
   *
   * @param raw directory with BX-Books.csv and either BX-Book-Ratings.csv or BX-Ratings.csv
   * @param seed of the order of each user's ratings and of the split
   * @throws IOException naming the file that is missing or not as it should be
   */
  public static RatingsCsv.Outcome prepare(Path raw, Path directory, long seed) throws IOException {
    Path booksFile = raw.resolve(BOOKS);
    if (!Files.exists(booksFile)) {
      throw new IOException("%s is missing; %s".formatted(booksFile, REMEDY));
    }
    Path ratingsFile = ratingsFile(raw);
    BookCrossing data = new BookCrossing();
    try (BookTable table = new BookTable(booksFile)) {
      table.read(
          List.of("ISBN", "Book-Title", "Book-Author"),
          row -> data.addBook(row.get(0), row.get(1), row.get(2)),
          reason -> data.skip("books: " + reason));
    }
    try (BookTable table = new BookTable(ratingsFile)) {
      table.read(
          List.of("User-ID", "ISBN", "Book-Rating"),
          row -> data.addRating(row.get(0), row.get(1), row.get(2)),
          reason -> data.skip("ratings: " + reason));
    }
    List<Windows.Window> windows = data.examples(seed);
    if (windows.isEmpty()) {
      throw new IOException(
          "%s: no user has %d usable ratings or more; left out: %s. %s and %s must be of the same data"
              .formatted(ratingsFile, FEWEST, data.skipped, ratingsFile.getFileName(), BOOKS));
    }
    return new RatingsCsv.Outcome(
        ExampleFiles.write(ratingsFile, directory, windows, 0.8, 0.1), data.skipped);
  }

  private static Path ratingsFile(Path raw) throws IOException {
    for (String name : RATINGS) {
      if (Files.exists(raw.resolve(name))) {
        return raw.resolve(name);
      }
    }
    throw new IOException(
        "%s is missing, and %s too; %s"
            .formatted(raw.resolve(RATINGS.getFirst()), RATINGS.getLast(), REMEDY));
  }

  private String addBook(String isbn, String title, String author) {
    if (isbn.isEmpty()) {
      return "no ISBN";
    }
    if (title.isEmpty()) {
      return "no title";
    }
    // The lines of a prompt have their meaning, so an item has to stay on one.
    String item = author.isEmpty() ? title : title + "\" written by " + author;
    Book book = new Book(isbn, LINE_ENDS.matcher(item).replaceAll(" "));
    return books.putIfAbsent(isbn, book) == null ? "" : "an ISBN that came before";
  }

  private String addRating(String user, String isbn, String value) {
    if (user.isEmpty()) {
      return "no user";
    }
    double rating = RatingsCsv.number(value).orElse(-1);
    if (rating < 0 || rating > HIGHEST) {
      return "no number from 0 to " + HIGHEST;
    }
    Book book = books.get(isbn);
    if (book == null) {
      return "an ISBN that is not among the usable books";
    }
    Map<Book, Boolean> ofUser = likes.computeIfAbsent(user, key -> new LinkedHashMap<>());
    return ofUser.putIfAbsent(book, rating > LIKED_ABOVE) == null
        ? ""
        : "a book that the user rated before";
  }

  private void skip(String reason) {
    skipped.merge(reason, 1, Integer::sum);
  }

  private List<Windows.Window> examples(long seed) {
    List<Windows.Window> windows = new ArrayList<>();
    likes.forEach((user, ofUser) -> {
      if (ofUser.size() < FEWEST) {
        skip(RatingsCsv.TOO_FEW);
        return;
      }
      List<Rating> ratings = new ArrayList<>();
      ofUser.forEach((book, liked) -> ratings.add(new Rating(user, book.item(), liked, Time.NONE)));
      // A generator for each, so that a user's example does not depend on other users.
      Collections.shuffle(ratings, new Random(seed));
      List<Rating> history = ratings.subList(0, Math.min(HISTORY, ratings.size() - 1));
      windows.add(Windows.window(user, history, ratings.getLast(), Domain.BOOK));
    });
    Collections.shuffle(windows, new Random(seed));
    return windows;
  }
}
