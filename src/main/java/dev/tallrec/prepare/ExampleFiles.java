package dev.tallrec.prepare;

import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.tallrec.files.AtomicFiles;
import dev.tallrec.text.Instruction;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.GZIPOutputStream;

/**
 * Writes a data set's files in the published form, to the byte: as Python's json.dump with indent 4
 * writes them.
 */
final class ExampleFiles {

  private static final String TEST = "test";
  private static final String JSON = ".json";
  private static final String USERS = "users.json.gz";
  private static final String ORDER = "order.json.gz";

  private ExampleFiles() {}

  /**
   * Splits windows into train, valid and test, in their order, and writes them.
   *
   * @param source file that the windows come of, for messages
   * @param train share of train; {@code valid} is that of valid, the rest is test
   * @return examples written, by file
   */
  static Map<String, Integer> write(
      Path source, Path directory, List<Windows.Window> windows, double train, double valid)
      throws IOException {
    int first = bound(windows.size(), train);
    int second = bound(windows.size(), train + valid);
    Map<String, List<Windows.Window>> parts = new LinkedHashMap<>();
    parts.put("train", windows.subList(0, first));
    parts.put("valid", windows.subList(first, second));
    parts.put(TEST, windows.subList(second, windows.size()));
    for (Map.Entry<String, List<Windows.Window>> part : parts.entrySet()) {
      if (part.getValue().isEmpty()) {
        throw new IOException(
            "%s: %d examples are too few to split into train, valid and test"
                .formatted(source, windows.size()));
      }
    }
    // First, and written last: a kill in between leaves a set without test examples, which nobody
    // reads, not one whose train examples may be those of the test set before; nor new examples
    // with the users and orders of those before them.
    Files.deleteIfExists(directory.resolve(TEST + JSON));
    Files.deleteIfExists(directory.resolve(TEST + JSON + ".gz"));
    Files.deleteIfExists(directory.resolve(USERS));
    Files.deleteIfExists(directory.resolve(ORDER));
    Map<String, Integer> written = new LinkedHashMap<>();
    Map<String, int[]> users = new LinkedHashMap<>();
    Map<String, List<String>> orders = new LinkedHashMap<>();
    Map<String, Integer> numbers = new LinkedHashMap<>();
    for (Map.Entry<String, List<Windows.Window>> part : parts.entrySet()) {
      Path file = directory.resolve(part.getKey() + JSON);
      AtomicFiles.replaceFile(file, aside -> writeExamples(aside, part.getValue()));
      written.put(part.getKey(), part.getValue().size());
      users.put(part.getKey(), numbers(part.getValue(), numbers));
      orders.put(part.getKey(), part.getValue().stream().map(Windows.Window::order).toList());
    }
    writeZipped(directory.resolve(USERS), users);
    writeZipped(directory.resolve(ORDER), orders);
    return written;
  }

  /** The examples in a share of them, rounded down as the authors' scripts do. */
  private static int bound(int examples, double share) {
    // 0.7 + 0.2 is less than 0.9.
    return (int) (examples * share + 1e-9);
  }

  private static void writeZipped(Path file, Object value) throws IOException {
    AtomicFiles.replaceFile(
        file,
        aside -> {
          try (OutputStream out = new GZIPOutputStream(Files.newOutputStream(aside))) {
            out.write(new JsonMapper().writeValueAsBytes(value));
          }
        });
  }

  /**
   * Numbers of the users: their own where they are written as numbers are, so that "007" is not 7,
   * else in order of appearance.
   */
  private static int[] numbers(List<Windows.Window> windows, Map<String, Integer> numbers) {
    return windows.stream()
        .mapToInt(window ->
            numbers.computeIfAbsent(
                window.user(),
                user ->
                    user.matches("0|[1-9][0-9]{0,8}")
                        ? Integer.parseInt(user)
                        : -1 - numbers.size()))
        .toArray();
  }

  private static void writeExamples(Path file, List<Windows.Window> windows) throws IOException {
    try (BufferedWriter out = Files.newBufferedWriter(file, StandardCharsets.US_ASCII)) {
      out.write("[");
      String separator = "\n";
      for (Windows.Window window : windows) {
        Instruction text = window.text();
        out.write(separator);
        out.write("    {\n        \"instruction\": ");
        out.write(quoted(text.instruction()));
        out.write(",\n        \"input\": ");
        out.write(quoted(text.input()));
        out.write(",\n        \"output\": ");
        out.write(quoted(text.output()));
        out.write("\n    }");
        separator = ",\n";
      }
      out.write("\n]");
    }
  }

  private static String quoted(String text) {
    StringBuilder out = new StringBuilder("\"");
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      switch (c) {
        case '"' -> out.append("\\\"");
        case '\\' -> out.append("\\\\");
        case '\n' -> out.append("\\n");
        case '\r' -> out.append("\\r");
        case '\t' -> out.append("\\t");
        case '\b' -> out.append("\\b");
        case '\f' -> out.append("\\f");
        default -> {
          if (c < ' ' || c > '~') {
            out.append("\\u%04x".formatted((int) c));
          } else {
            out.append(c);
          }
        }
      }
    }
    return out.append('"').toString();
  }
}
