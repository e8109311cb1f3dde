package dev.tallrec.endpoint;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.tallrec.files.AtomicFiles;
import dev.tallrec.files.Digest;
import dev.tallrec.json.JsonFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/** Answers on disk, one file each, so that none is paid for twice. */
final class AnswerCache {

  private static final long LARGEST_FILE = 4096;
  private static final String YES = "yes";
  private static final String NO = "no";
  private static final String INPUT_TOKENS = "inputTokens";
  private static final String OUTPUT_TOKENS = "outputTokens";
  private static final JsonMapper JSON = new JsonMapper();

  private final Path directory;
  private final EndpointSettings settings;

  AnswerCache(Path directory, EndpointSettings settings) {
    this.directory = directory;
    this.settings = settings;
  }

  /** Where the answer to {@code prompt} is or will be. */
  Path file(String prompt) {
    Digest digest =
        new Digest()
            .add(settings.url().toString())
            .add(settings.model())
            .add(settings.api().name())
            .add(prompt);
    return directory.resolve(digest.hex() + ".json");
  }

  /** An answer that was kept; none if its file is missing or broken, which {@link #keep} mends. */
  Optional<Answer> find(String prompt) {
    Path file = file(prompt);
    if (!Files.isRegularFile(file)) {
      return Optional.empty();
    }
    try {
      ObjectNode kept = JsonFiles.readObject(file, LARGEST_FILE, "an answer");
      JsonNode yes = kept.path(YES);
      JsonNode no = kept.path(NO);
      JsonNode input = kept.path(INPUT_TOKENS);
      JsonNode output = kept.path(OUTPUT_TOKENS);
      if (!yes.isNumber() || !no.isNumber() || !input.isInt() || !output.isInt()) {
        return Optional.empty();
      }
      return Optional.of(
          new Answer(
              yes.doubleValue(), no.doubleValue(), input.intValue(), output.intValue(), true));
    } catch (IOException | IllegalArgumentException e) {
      return Optional.empty();
    }
  }

  /** Makes sure that an answer can be kept, before it is paid for. */
  void prepare() throws IOException {
    Files.createDirectories(directory);
    if (!Files.isWritable(directory)) {
      throw new IOException(directory + " is not writable");
    }
  }

  /** Keeps an answer. */
  void keep(String prompt, Answer answer) throws IOException {
    ObjectNode kept =
        JSON.createObjectNode()
            .put(YES, answer.yes())
            .put(NO, answer.no())
            .put(INPUT_TOKENS, answer.inputTokens())
            .put(OUTPUT_TOKENS, answer.outputTokens());
    AtomicFiles.replaceFile(file(prompt), path -> JSON.writeValue(path.toFile(), kept));
  }
}
