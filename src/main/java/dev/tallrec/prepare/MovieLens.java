package dev.tallrec.prepare;

import dev.tallrec.rec.Domain;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The paper's movie examples out of MovieLens 100K: above 3 stars is liked, 10 movies of history,
 * the last 10,000 windows, split 8 : 1 : 1 in order.
 */
public final class MovieLens {

  private static final int HISTORY = 10;
  private static final int KEPT = 10_000;
  private static final int LIKED_ABOVE = 3;

  private MovieLens() {}

  /**
   * Makes train.json, valid.json, test.json, users.json.gz and order.json.gz.
   *
   * @param raw directory with u.data and u.item
   * @return examples written, by file
   * @throws IOException naming file and line of what is not as it should be
   */
  public static Map<String, Integer> prepare(Path raw, Path directory) throws IOException {
    Map<String, String> titles = titles(raw.resolve("u.item"));
    List<Windows.Window> windows =
        Windows.of(ratings(raw.resolve("u.data"), titles), HISTORY, Domain.MOVIE);
    List<Windows.Window> last = windows.subList(Math.max(0, windows.size() - KEPT), windows.size());
    return ExampleFiles.write(raw.resolve("u.data"), directory, last, 0.8, 0.1);
  }

  private static Map<String, String> titles(Path file) throws IOException {
    Map<String, String> titles = new HashMap<>();
    int number = 0;
    for (String line : Files.readAllLines(file, StandardCharsets.ISO_8859_1)) {
      number++;
      String[] fields = line.split("\\|", -1);
      if (fields.length < 2 || fields[1].isEmpty()) {
        throw broken(file, number, "no movie number and title");
      }
      titles.put(fields[0], fields[1]);
    }
    return titles;
  }

  private static List<Rating> ratings(Path file, Map<String, String> titles) throws IOException {
    List<Rating> ratings = new ArrayList<>();
    int number = 0;
    for (String line : Files.readAllLines(file, StandardCharsets.ISO_8859_1)) {
      number++;
      String[] fields = line.split("\t", -1);
      if (fields.length != 4 || !fields[2].matches("[1-5]") || !fields[3].matches("[0-9]{1,18}")) {
        throw broken(
            file, number, "not user, movie, rating from 1 to 5, and time, with tabs between them");
      }
      String title = titles.get(fields[1]);
      if (title == null) {
        throw broken(file, number, "movie " + fields[1] + " is not in u.item");
      }
      ratings.add(
          new Rating(
              fields[0], title, Integer.parseInt(fields[2]) > LIKED_ABOVE, Time.of(fields[3])));
    }
    return ratings;
  }

  private static IOException broken(Path file, int line, String what) {
    return new IOException("%s, line %d: %s".formatted(file, line, what));
  }
}
