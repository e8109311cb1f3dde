package dev.tallrec.rec;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import dev.tallrec.files.Digest;
import dev.tallrec.json.JsonFiles;
import dev.tallrec.text.Instruction;
import dev.tallrec.text.InstructionFile;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/**
 * Examples to tune on, to choose the best adapter by, and to report on.
 *
 * @param name for reports
 */
public record RecData(
    String name, List<RecExample> train, List<RecExample> valid, List<RecExample> test) {

  private static final String USERS = "users.json.gz";
  private static final String ORDER = "order.json.gz";

  /** A million examples' users or orders, and more; the published ones are of 150 KB. */
  private static final long LARGEST_SIDE_FILE = 1 << 25;

  /** Where a data set's files come from. */
  private interface Source {
    /** A stream over the file and its name for messages; null if there is none. */
    @Nullable InputStream open(String file) throws IOException;

    String describe(String file);
  }

  /** The data set called {@code name}: a domain's published one, or a directory. */
  public static RecData named(String name) throws IOException {
    Optional<Domain> domain = Domain.named(name);
    if (domain.isPresent()) {
      return published(domain.get());
    }
    if (!Files.isDirectory(Path.of(name))) {
      throw new IOException("data set " + name + " is neither movie nor book nor a directory");
    }
    return read(Path.of(name));
  }

  /** The examples that TALLRec published for {@code domain}; see NOTICE beside them. */
  public static RecData published(Domain domain) throws IOException {
    Source resources =
        new Source() {
          @Override
          public @Nullable InputStream open(String file) {
            return RecData.class.getResourceAsStream(domain.word() + "/" + file);
          }

          @Override
          public String describe(String file) {
            return domain.word() + " examples, " + file;
          }
        };
    return read(domain.word(), resources);
  }

  /**
   * Reads a directory with train, valid and test, each .json or .json.gz; maybe users.json.gz,
   * which lists the user of each example as a number, {@code {"train": [1, 1, 2], ...}}; and maybe
   * order.json.gz with the order of each example's history, {@code {"train": ["1101", ...], ...}}.
   *
   * @throws IOException naming the file if one is missing, empty or broken
   */
  public static RecData read(Path directory) throws IOException {
    Source files =
        new Source() {
          @Override
          public @Nullable InputStream open(String file) throws IOException {
            Path path = directory.resolve(file);
            return Files.isRegularFile(path) ? Files.newInputStream(path) : null;
          }

          @Override
          public String describe(String file) {
            return directory.resolve(file).toString();
          }
        };
    return read(name(directory), files);
  }

  /** What tells data sets of one name apart: their examples, in order. */
  public String digest() {
    Digest digest = new Digest();
    for (List<RecExample> part : List.of(train, valid, test)) {
      digest.add(String.valueOf(part.size()));
      part.forEach(example -> digest.add(example.toString()));
    }
    return digest.hex();
  }

  /** What the data set of a directory is called: its last name, whatever it was reached by. */
  public static String name(Path directory) {
    Path last = directory.toAbsolutePath().normalize().getFileName();
    return last == null ? "root" : last.toString();
  }

  private static RecData read(String name, Source source) throws IOException {
    JsonNode users = sideFile(source, USERS);
    JsonNode orders = sideFile(source, ORDER);
    return new RecData(
        name,
        split("train", source, users, orders),
        split("valid", source, users, orders),
        split("test", source, users, orders));
  }

  /** What stands beside the examples; missing if there is none. */
  private static JsonNode sideFile(Source source, String file) throws IOException {
    try (InputStream bytes = source.open(file)) {
      return bytes == null
          ? MissingNode.getInstance()
          : JsonFiles.readObject(
              bytes, source.describe(file), LARGEST_SIDE_FILE, "a file beside examples");
    }
  }

  private static List<RecExample> split(
      String split, Source source, JsonNode users, JsonNode orders) throws IOException {
    for (String file : List.of(split + ".json", split + ".json.gz")) {
      try (InputStream bytes = source.open(file)) {
        if (bytes != null) {
          String name = source.describe(file);
          List<RecExample> examples = examples(InstructionFile.read(bytes, name), name);
          return completed(
              examples, split, side(users, USERS, split, examples, source), orders, source);
        }
      }
    }
    throw new IOException(
        source.describe(split + ".json") + " is missing, and so is " + split + ".json.gz");
  }

  /**
   * Checks that a few-shot sample can be drawn.
   *
   * @param k examples of it; 0 for all
   * @throws IOException naming this set and K if there are not so many
   */
  public void requireSample(int k) throws IOException {
    if (k > train.size()) {
      throw new IOException(
          "K = %d, but %s has %,d train examples: lower k, or take them all with 0"
              .formatted(k, name, train.size()));
    }
  }

  /** Checks that the AUC of the validation examples is defined. */
  public void requireValid() throws IOException {
    requireBothLabels(name + " valid", valid);
  }

  /** Checks that the AUC of the test examples is defined. */
  public void requireTest() throws IOException {
    requireBothLabels(name + " test", test);
  }

  /**
   * Checks that an AUC of examples is defined.
   *
   * @param name of the examples, for messages
   * @throws IOException if all have the same label
   */
  public static void requireBothLabels(String name, List<RecExample> examples) throws IOException {
    try {
      Auc.of(new double[examples.size()], RecExample.labels(examples));
    } catch (IllegalArgumentException e) {
      throw new IOException(name + ": " + e.getMessage(), e);
    }
  }

  /**
   * Takes instructions for recommendation examples.
   *
   * @throws IOException naming {@code file} and the example whose output is neither "Yes." nor
   *     "No."
   */
  public static List<RecExample> examples(List<Instruction> instructions, String file)
      throws IOException {
    List<RecExample> examples = new ArrayList<>();
    for (Instruction instruction : instructions) {
      boolean liked = instruction.output().equals(RecExample.YES);
      if (!liked && !instruction.output().equals(RecExample.NO)) {
        throw new IOException(
            "%s: output of example %d is \"%s\", not \"Yes.\" or \"No.\""
                .formatted(file, examples.size() + 1, instruction.output()));
      }
      examples.add(new RecExample(instruction, liked, OptionalInt.empty(), ""));
    }
    return examples;
  }

  /** A side file's entries for a split: as many as there are examples, or none. */
  private static JsonNode side(
      JsonNode file, String name, String split, List<RecExample> examples, Source source)
      throws IOException {
    JsonNode entries = file.path(split);
    if (!file.isMissingNode() && (!entries.isArray() || entries.size() != examples.size())) {
      throw new IOException(
          "%s lists %d entries for the %d examples of %s"
              .formatted(source.describe(name), entries.size(), examples.size(), split));
    }
    return entries;
  }

  private static List<RecExample> completed(
      List<RecExample> examples, String split, JsonNode users, JsonNode allOrders, Source source)
      throws IOException {
    JsonNode orders = side(allOrders, ORDER, split, examples, source);
    List<RecExample> result = new ArrayList<>();
    for (int i = 0; i < examples.size(); i++) {
      RecExample example = examples.get(i);
      String order = orders.path(i).asText("");
      Optional<Question> question = Question.parse(example.text());
      if (question.isEmpty() || !question.get().fits(order)) {
        // A title with a comma before a quotation mark reads as two items: the order is of no use.
        order = "";
      }
      OptionalInt user =
          users.isMissingNode()
              ? OptionalInt.empty()
              : OptionalInt.of(user(users.path(i), split, i + 1, source));
      result.add(new RecExample(example.text(), example.liked(), user, order));
    }
    return result;
  }

  private static int user(JsonNode user, String split, int example, Source source)
      throws IOException {
    if (!user.isIntegralNumber() || !user.canConvertToInt()) {
      throw new IOException(
          "%s: user %s of example %d of %s is not a whole number"
              .formatted(source.describe(USERS), user, example, split));
    }
    return user.intValue();
  }
}
