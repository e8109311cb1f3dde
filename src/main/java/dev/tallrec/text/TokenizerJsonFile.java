package dev.tallrec.text;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.tallrec.json.JsonFiles;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/**
 * Reads tokenizer.json as transformers writes it for LLaMA 1 and 2: byte-fallback BPE, spaces
 * prepended and replaced by a normalizer or by a Metaspace pre-tokenizer. Other kinds are refused
 * by name.
 */
final class TokenizerJsonFile {

  private static final long LARGEST_FILE = 1 << 25;
  private static final String SPACE = String.valueOf(Vocabulary.SPACE);

  /** The step of a normalizer that puts a space before a text. */
  private static final JsonNode PREPEND =
      JsonNodeFactory.instance.objectNode().put("type", "Prepend").put("prepend", SPACE);

  /** The one that makes parts of pieces of spaces. */
  private static final JsonNode REPLACE =
      JsonNodeFactory.instance
          .objectNode()
          .put("type", "Replace")
          .put("content", SPACE)
          .set("pattern", JsonNodeFactory.instance.objectNode().put("String", " "));

  private final String file;
  private final JsonNode root;

  private TokenizerJsonFile(String file, JsonNode root) {
    this.file = file;
    this.root = root;
  }

  static Tokenizer read(Path path) throws IOException {
    return new TokenizerJsonFile(
            path.toString(), JsonFiles.readObject(path, LARGEST_FILE, "a tokenizer"))
        .tokenizer();
  }

  private Tokenizer tokenizer() throws IOException {
    JsonNode model = root.path("model");
    String type = model.path("type").asText("BPE");
    if (!type.equals("BPE") || !model.path("byte_fallback").asBoolean()) {
      throw unsupported("model of type " + type + " without byte_fallback");
    }
    if (model.path("ignore_merges").asBoolean()) {
      throw unsupported("ignore_merges");
    }
    Vocabulary vocabulary = vocabulary(model.path("vocab"));
    Map<String, Map<String, Integer>> merges = merges(model.path("merges"));
    MergeOrder order =
        (left, right) -> {
          Integer rank = merges.getOrDefault(left, Map.of()).get(right);
          return rank == null ? MergeOrder.NEVER : rank;
        };
    return new Tokenizer(vocabulary, order, specials(vocabulary), addsPrefix());
  }

  private Vocabulary vocabulary(JsonNode vocab) throws IOException {
    Set<Integer> control = new HashSet<>();
    for (JsonNode token : root.path("added_tokens")) {
      if (!token.path("special").asBoolean()) {
        throw unsupported("added token " + token.path("content") + " that is not special");
      }
      control.add(id(token.path("id")));
    }
    if (!vocab.isObject() || vocab.isEmpty()) {
      throw new IOException(file + " has no vocabulary");
    }
    int size = vocab.size();
    Vocabulary.Piece[] pieces = new Vocabulary.Piece[size];
    for (Map.Entry<String, JsonNode> entry : vocab.properties()) {
      int id = id(entry.getValue());
      if (id < 0 || id >= size || pieces[id] != null) {
        throw new IOException(
            file
                + ": id "
                + entry.getValue()
                + " of '"
                + entry.getKey()
                + "' is used twice or not below the vocabulary's size, "
                + size);
      }
      pieces[id] = new Vocabulary.Piece(entry.getKey(), kind(entry.getKey(), control.contains(id)));
    }
    return new Vocabulary(Arrays.asList(pieces), file);
  }

  /** The id that a node is; -1 if it is none. */
  private static int id(JsonNode node) {
    return node.isIntegralNumber() && node.canConvertToInt() ? node.intValue() : -1;
  }

  private static Vocabulary.Kind kind(String text, boolean control) {
    if (control) {
      return Vocabulary.Kind.CONTROL;
    }
    return text.matches("<0x[0-9A-F]{2}>") ? Vocabulary.Kind.BYTE : Vocabulary.Kind.NORMAL;
  }

  /** Merges are "left right" or ["left", "right"], in order of rank. */
  private Map<String, Map<String, Integer>> merges(JsonNode list) throws IOException {
    Map<String, Map<String, Integer>> merges = new HashMap<>();
    int rank = 0;
    for (JsonNode merge : list) {
      String both = merge.asText();
      int space = both.indexOf(' ');
      String left =
          merge.isArray() ? merge.path(0).asText() : both.substring(0, Math.max(0, space));
      String right = merge.isArray() ? merge.path(1).asText() : both.substring(space + 1);
      if (left.isEmpty() || right.isEmpty()) {
        throw new IOException(file + ": " + merge + " is not a merge of two pieces");
      }
      merges.computeIfAbsent(left, key -> new HashMap<>()).putIfAbsent(right, rank++);
    }
    return merges;
  }

  private Tokenizer.Specials specials(Vocabulary vocabulary) throws IOException {
    return new Tokenizer.Specials(special("<s>", vocabulary), special("</s>", vocabulary));
  }

  private int special(String content, Vocabulary vocabulary) throws IOException {
    for (JsonNode token : root.path("added_tokens")) {
      if (token.path("content").asText().equals(content)) {
        int id = id(token.path("id"));
        if (id < 0 || id >= vocabulary.size()) {
          throw new IOException(
              "%s: id %s of %s is not below the vocabulary's size, %d"
                  .formatted(file, token.path("id"), content, vocabulary.size()));
        }
        return id;
      }
    }
    throw unsupported("vocabulary without " + content);
  }

  private boolean addsPrefix() throws IOException {
    JsonNode normalizer = root.path("normalizer");
    JsonNode preTokenizer = root.path("pre_tokenizer");
    if (preTokenizer.path("type").asText().equals("Metaspace") && isAbsent(normalizer)) {
      String scheme = preTokenizer.path("prepend_scheme").asText("always");
      boolean split = preTokenizer.path("split").asBoolean(true);
      if (!preTokenizer.path("replacement").asText().equals(SPACE) || split) {
        throw unsupported("pre_tokenizer " + preTokenizer);
      }
      return !scheme.equals("never");
    }
    if (!isAbsent(preTokenizer)) {
      throw unsupported("pre_tokenizer " + preTokenizer.path("type").asText());
    }
    boolean prefix = false;
    boolean replaces = false;
    for (JsonNode step : normalizer.path("normalizers")) {
      if (!prefix && step.equals(PREPEND)) {
        prefix = true;
      } else if (step.equals(REPLACE)) {
        replaces = true;
      } else {
        throw unsupported("normalizer " + step);
      }
    }
    if (!replaces) {
      throw unsupported("normalizer that does not replace spaces");
    }
    return prefix;
  }

  private static boolean isAbsent(JsonNode node) {
    return node.isMissingNode() || node.isNull();
  }

  private IOException unsupported(String what) {
    return new IOException(file + ": " + what + " is not supported");
  }
}
