package dev.tallrec.rec;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.tallrec.json.JsonFiles;
import dev.tallrec.text.Instruction;
import dev.tallrec.text.InstructionFile;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.zip.GZIPInputStream;
import org.jspecify.annotations.Nullable;

/**
 * Examples to tune on, to choose the best adapter by, and to report on.
 *
 * @param name for reports
 */
public record RecData(
    String name, List<RecExample> train, List<RecExample> valid, List<RecExample> test) {

  private static final String USERS = "users.json.gz";

  /** Where a data set's files come from. */
  private interface Source {
    /** A stream over the file and its name for messages; null if there is none. */
    @Nullable InputStream open(String file) throws IOException;

    String describe(String file);
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
   * Reads a directory with train, valid and test, each .json or .json.gz, and maybe users.json.gz,
   * which lists the user of each example: {@code {"train": [1, 1, 2], ...}}.
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
    return read(directory.getFileName().toString(), files);
  }

  private static RecData read(String name, Source source) throws IOException {
    JsonNode users = users(source);
    return new RecData(
        name,
        split("train", source, users),
        split("valid", source, users),
        split("test", source, users));
  }

  private static @Nullable JsonNode users(Source source) throws IOException {
    try (InputStream bytes = source.open(USERS)) {
      return bytes == null ? null : new JsonMapper().readTree(new GZIPInputStream(bytes));
    } catch (JsonProcessingException e) {
      throw new IOException(JsonFiles.describe(source.describe(USERS), e), e);
    }
  }

  private static List<RecExample> split(String split, Source source, @Nullable JsonNode users)
      throws IOException {
    for (String file : List.of(split + ".json", split + ".json.gz")) {
      try (InputStream bytes = source.open(file)) {
        if (bytes != null) {
          String name = source.describe(file);
          List<RecExample> examples = examples(InstructionFile.read(bytes, name), name);
          return users == null ? examples : withUsers(examples, users.path(split), name, source);
        }
      }
    }
    throw new IOException(
        source.describe(split + ".json") + " is missing, and so is " + split + ".json.gz");
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
      examples.add(new RecExample(instruction, liked, OptionalInt.empty()));
    }
    return examples;
  }

  private static List<RecExample> withUsers(
      List<RecExample> examples, JsonNode users, String file, Source source) throws IOException {
    if (users.size() != examples.size()) {
      throw new IOException(
          "%s has %d examples, %s the users of %d"
              .formatted(file, examples.size(), source.describe(USERS), users.size()));
    }
    List<RecExample> result = new ArrayList<>();
    for (int i = 0; i < examples.size(); i++) {
      RecExample example = examples.get(i);
      result.add(
          new RecExample(example.text(), example.liked(), OptionalInt.of(users.get(i).asInt())));
    }
    return result;
  }
}
