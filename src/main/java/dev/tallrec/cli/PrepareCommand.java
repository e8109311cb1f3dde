package dev.tallrec.cli;

import dev.tallrec.prepare.BookCrossing;
import dev.tallrec.prepare.MovieLens;
import dev.tallrec.prepare.RatingsCsv;
import dev.tallrec.rec.Domain;
import java.io.IOException;
import java.nio.charset.Charset;
import java.nio.file.Path;
import java.util.Map;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Makes examples out of ratings. */
@Command(
    name = "prepare",
    mixinStandardHelpOptions = true,
    description =
        "Makes train.json, valid.json and test.json out of raw ratings, for --data; beside them users.json.gz and"
            + " order.json.gz, whose the examples are and in what order their histories.")
final class PrepareCommand implements Runnable {

  /** Where examples are written, whatever they are made of. */
  static final class Output {
    @Option(
        names = "--out",
        required = true,
        paramLabel = "DIR",
        description = "Where the examples go.")
    private Path directory = Path.of("");
  }

  @Spec private CommandSpec spec;

  @Override
  public void run() {
    throw new CommandLine.ParameterException(
        spec.commandLine(), "What to prepare: movielens, bookcrossing or csv?");
  }

  @Command(
      name = "movielens",
      mixinStandardHelpOptions = true,
      description =
          "The paper's movie examples, to the byte, out of MovieLens 100K (u.data and u.item).")
  int movielens(
      @Option(
              names = "--raw",
              required = true,
              paramLabel = "DIR",
              description = "Directory of MovieLens 100K.")
          Path raw,
      @Mixin Output output)
      throws IOException {
    print(MovieLens.prepare(raw, output.directory), output.directory);
    return 0;
  }

  @Command(
      name = "bookcrossing",
      mixinStandardHelpOptions = true,
      description =
          "Book examples by the paper's procedure out of Book-Crossing (BX-Books.csv and"
              + " BX-Book-Ratings.csv, or BX-Ratings.csv of explicit ratings only). The paper's own"
              + " examples are another random split.")
  int bookcrossing(
      @Option(
              names = "--raw",
              required = true,
              paramLabel = "DIR",
              description = "Directory of Book-Crossing.")
          Path raw,
      @Mixin Output output,
      @Option(
              names = "--seed",
              defaultValue = "42",
              paramLabel = "N",
              description = "Of histories and of the split (default: ${DEFAULT-VALUE}).")
          long seed)
      throws IOException {
    print(BookCrossing.prepare(raw, output.directory, seed), output.directory);
    return 0;
  }

  @Command(
      name = "csv",
      mixinStandardHelpOptions = true,
      description =
          "Examples out of any table with a header and columns for user, title, rating and time. Items"
              + " of the same title are one and the same in prompts: where titles repeat, make them"
              + " differ first, by a year or an author.")
  int csv(
      @Parameters(paramLabel = "FILE", description = "The table.") Path file,
      @Mixin Output output,
      @Option(
              names = "--domain",
              defaultValue = "MOVIE",
              paramLabel = "DOMAIN",
              description = "${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE}).")
          Domain domain,
      @Option(
              names = "--user",
              defaultValue = "user",
              paramLabel = "NAME",
              description = "Column (default: ${DEFAULT-VALUE}).")
          String user,
      @Option(
              names = "--title",
              defaultValue = "title",
              paramLabel = "NAME",
              description = "Column (default: ${DEFAULT-VALUE}).")
          String title,
      @Option(
              names = "--rating",
              defaultValue = "rating",
              paramLabel = "NAME",
              description = "Column (default: ${DEFAULT-VALUE}).")
          String rating,
      @Option(
              names = "--time",
              defaultValue = "time",
              paramLabel = "NAME",
              description =
                  "Column: numbers, or dates such as 2001-12-31 or 2001-12-31T23:59:59Z, all of one form"
                      + " (default: ${DEFAULT-VALUE}).")
          String time,
      @Option(
              names = "--separator",
              defaultValue = ",",
              paramLabel = "C",
              description = "Between fields (default: ${DEFAULT-VALUE}).")
          char separator,
      @Option(
              names = "--charset",
              defaultValue = "UTF-8",
              paramLabel = "NAME",
              description = "Of the file (default: ${DEFAULT-VALUE}).")
          Charset charset,
      @Option(
              names = "--liked-above",
              defaultValue = "3",
              paramLabel = "X",
              description = "Ratings above this are likes (default: ${DEFAULT-VALUE}).")
          double likedAbove,
      @Option(
              names = "--history",
              defaultValue = "10",
              paramLabel = "N",
              description = "Items before the target (default: ${DEFAULT-VALUE}).")
          int history,
      @Option(
              names = "--split",
              defaultValue = "USERS",
              paramLabel = "HOW",
              description = "${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE}).")
          RatingsCsv.Split split,
      @Option(
              names = "--seed",
              defaultValue = "42",
              paramLabel = "N",
              description = "Of a random split (default: ${DEFAULT-VALUE}).")
          long seed)
      throws IOException {
    RatingsCsv.Outcome outcome =
        new RatingsCsv(
                new RatingsCsv.Columns(user, title, rating, time),
                separator,
                charset,
                likedAbove,
                history,
                split,
                seed)
            .prepare(file, domain, output.directory);
    print(outcome, output.directory);
    return 0;
  }

  private static void print(RatingsCsv.Outcome outcome, Path out) {
    outcome
        .skipped()
        .forEach((reason, count) -> System.out.printf("left out: %s (%,d)%n", reason, count));
    print(outcome.written(), out);
  }

  private static void print(Map<String, Integer> written, Path out) {
    written.forEach((part, count) ->
        System.out.printf("%s: %,d examples%n", out.resolve(part + ".json"), count));
  }
}
