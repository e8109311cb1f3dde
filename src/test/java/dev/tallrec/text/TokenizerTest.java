package dev.tallrec.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.tallrec.testing.Fixtures;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class TokenizerTest {

  private static final Path LLAMA = Fixtures.path("tokenizer");
  private static final Path STORIES = Fixtures.path("models/stories260K");
  private static final String METASPACE =
      "{'type': 'Metaspace', 'replacement': '%s', 'prepend_scheme': '%s', 'split': %s}";

  /**
   * Where transformers makes control tokens of text, ids are those of SentencePiece, which does
   * not.
   */
  private record Case(String text, int[] ids, String decoded) {}

  private static List<Case> cases() throws IOException {
    List<Case> cases = new ArrayList<>();
    JsonMapper json = new JsonMapper();
    for (String line : Files.readAllLines(LLAMA.resolve("fixtures.jsonl"))) {
      JsonNode node = json.readTree(line);
      boolean alike = node.path("sp_same").asBoolean();
      cases.add(
          new Case(
              node.path("text").asText(),
              json.treeToValue(node.path(alike ? "ids" : "ids_sp"), int[].class),
              node.path(alike ? "decoded" : "text").asText()));
    }
    assertThat(cases).hasSizeGreaterThan(300);
    return cases;
  }

  @Test
  void givesTheIdsOfTheOriginalSentencePiece() throws IOException {
    checkCases(SentencePieceFile.read(LLAMA.resolve("tokenizer.model")));
  }

  @Test
  void tokenizerJsonGivesTheSame() throws IOException {
    checkCases(TokenizerJsonFile.read(LLAMA.resolve("tokenizer.json")));
  }

  /** As transformers writes it of late: the normalizer's part is a pre-tokenizer's. */
  @ParameterizedTest
  @ValueSource(strings = {"first", "always"})
  void metaspaceGivesTheSame(String scheme, @TempDir Path directory) throws IOException {
    checkCases(tokenizer(LLAMA, "null", METASPACE.formatted("\u2581", scheme, "false"), directory));
  }

  @Test
  void withoutAPrefixATextIsWhatStandsThere(@TempDir Path directory) throws IOException {
    Tokenizer prefixed = Tokenizer.read(STORIES);
    String replaced = "{'type': 'Replace', 'pattern': {'String': ' '}, 'content': '\u2581'}";
    for (Tokenizer tokenizer :
        List.of(
            tokenizer(STORIES, "null", METASPACE.formatted("\u2581", "never", "false"), directory),
            tokenizer(STORIES, "{'normalizers': [" + replaced + "]}", "null", directory))) {
      assertThat(tokenizer.encode(" Once upon")).isEqualTo(prefixed.encode("Once upon"));
      assertThat(tokenizer.encode("Once upon")).isNotEqualTo(prefixed.encode("Once upon"));
      assertThat(tokenizer.decode(tokenizer.encode(" Once upon"))).isEqualTo(" Once upon");
    }
  }

  @ParameterizedTest
  @CsvSource({"_, first, false", "\u2581, first, true"})
  void otherKindsOfMetaspaceAreRefused(
      String space, String scheme, String split, @TempDir Path directory) {
    assertThatThrownBy(
            () -> tokenizer(STORIES, "null", METASPACE.formatted(space, scheme, split), directory))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("pre_tokenizer")
        .hasMessageContaining("not supported");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{'type': 'Prepend', 'prepend': '_'}, REPLACE",
        "PREPEND, PREPEND, REPLACE",
        "PREPEND, {'type': 'Replace', 'pattern': {'String': 'a'}, 'content': 'b'}, REPLACE",
        "PREPEND, REPLACE, {'type': 'Replace', 'pattern': {'Regex': ' +'}, 'content': ' '}",
        "PREPEND, {'type': 'NFKC'}, REPLACE",
        "PREPEND"
      })
  void otherNormalizersAreRefused(String steps, @TempDir Path directory) {
    String normalizers =
        steps
            .replace("PREPEND", "{'type': 'Prepend', 'prepend': '\u2581'}")
            .replace(
                "REPLACE", "{'type': 'Replace', 'pattern': {'String': ' '}, 'content': '\u2581'}");
    assertThatThrownBy(
            () -> tokenizer(STORIES, "{'normalizers': [" + normalizers + "]}", "null", directory))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("tokenizer.json: normalizer")
        .hasMessageContaining("not supported");
  }

  private static void checkCases(Tokenizer tokenizer) throws IOException {
    for (Case example : cases()) {
      assertThat(tokenizer.encode(example.text())).as(example.text()).isEqualTo(example.ids());
      assertThat(tokenizer.decode(example.ids())).isEqualTo(example.decoded());
    }
    assertThat(tokenizer.vocabSize()).isEqualTo(32000);
    assertThat(tokenizer.bos()).isEqualTo(1);
    assertThat(tokenizer.eos()).isEqualTo(2);
  }

  /** That of a tokenizer.json with another normalizer and pre-tokenizer. */
  private static Tokenizer tokenizer(
      Path original, String normalizer, String preTokenizer, Path directory) throws IOException {
    JsonMapper json = new JsonMapper();
    ObjectNode root = (ObjectNode) json.readTree(original.resolve("tokenizer.json").toFile());
    root.set("normalizer", json.readTree(normalizer.replace('\'', '"')));
    root.set("pre_tokenizer", json.readTree(preTokenizer.replace('\'', '"')));
    Path file = directory.resolve("tokenizer.json");
    json.writeValue(file.toFile(), root);
    return TokenizerJsonFile.read(file);
  }

  @Test
  void answersBeginWithThePiecesThePaperScores() throws IOException {
    assertThat(AnswerTokens.of(Tokenizer.read(LLAMA))).isEqualTo(new AnswerTokens(8241, 3782));
  }

  @Test
  void controlTokensInTextAreText() throws IOException {
    Tokenizer tokenizer = Tokenizer.read(LLAMA);
    assertThat(tokenizer.encode("</s><s>")).doesNotContain(1, 2);
    assertThat(tokenizer.decode(tokenizer.encode("</s><s>"))).isEqualTo("</s><s>");
  }

  /** What fills a vocabulary up to a round size, and tokens added above it. */
  @Test
  void idsAboveThePiecesAreNoText(@TempDir Path directory) throws IOException {
    JsonMapper json = new JsonMapper();
    ObjectNode root = (ObjectNode) json.readTree(STORIES.resolve("tokenizer.json").toFile());
    root.withArray("added_tokens")
        .addObject()
        .put("id", 512)
        .put("content", "[PAD]")
        .put("special", true);
    json.writeValue(directory.resolve("tokenizer.json").toFile(), root);
    for (Tokenizer tokenizer : List.of(Tokenizer.read(STORIES), Tokenizer.read(directory))) {
      assertThat(tokenizer.vocabSize()).isEqualTo(512);
      int[] once = tokenizer.encode("Once");
      int[] padded = Arrays.copyOf(once, once.length + 3);
      padded[once.length] = 512;
      padded[once.length + 1] = 1 << 20;
      padded[once.length + 2] = tokenizer.encode("s")[0];
      assertThat(tokenizer.decode(padded)).isEqualTo("Once s");
      assertThatThrownBy(() -> tokenizer.decode(-1)).isInstanceOf(IndexOutOfBoundsException.class);
    }
  }

  @Test
  void loneSurrogatesBecomeReplacementCharacters() throws IOException {
    Tokenizer tokenizer = Tokenizer.read(LLAMA);
    for (String lone : List.of("\uD800", "\uDBFF", "\uDC00", "\uDFFF")) {
      assertThat(tokenizer.decode(tokenizer.encode("a" + lone + "b"))).isEqualTo("a\uFFFDb");
    }
    assertThat(tokenizer.decode(tokenizer.encode("a\uD83D\uDE00b"))).isEqualTo("a\uD83D\uDE00b");
  }

  @Test
  void refusesCutOffModels(@TempDir Path directory) throws IOException {
    byte[] whole = Files.readAllBytes(LLAMA.resolve("tokenizer.model"));
    Path cut = directory.resolve("tokenizer.model");
    for (int length : new int[] {0, 1, 3, 100, 5000, whole.length / 2}) {
      Files.write(cut, Arrays.copyOf(whole, length));
      assertThatThrownBy(() -> SentencePieceFile.read(cut))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("tokenizer.model");
    }
  }

  @Test
  void refusesKindsItDoesNotKnowByName(@TempDir Path directory) throws IOException {
    Path file = directory.resolve("tokenizer.json");
    Files.writeString(file, "{\"model\": {\"type\": \"Unigram\"}}");
    assertThatThrownBy(() -> Tokenizer.read(directory)).hasMessageContaining("Unigram");
    Files.writeString(file, "{\n\"model\": {\n");
    assertThatThrownBy(() -> Tokenizer.read(directory)).hasMessageContaining("line");
    Files.delete(file);
    assertThatThrownBy(() -> Tokenizer.read(directory)).hasMessageContaining("neither");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "'id': 2, 'content': '</s>' | 'id': 512, 'content': '</s>' | id 512 of </s>",
        "'id': 2, 'content': '</s>' | 'id': -1, 'content': '</s>' | id -1 of </s>",
        "'id': 2, 'content': '</s>' | 'id': '2', 'content': '</s>' | of </s>",
        "'<s>': 1 | '<s>': 1.0 | id 1.0 of '<s>'",
        "'<s>': 1 | '<s>': 512 | id 512 of '<s>'",
        "'<s>': 1 | '<s>': 2 | is used twice",
        "'<s>': 1 | '<s>': 1, '<s>': 511 | uplicate",
        "'vocab': { | 'vocab': [1], 'old': { | no vocabulary",
        "'merges': [ | 'merges': [['a'], | not a merge"
      })
  void tokenizerJsonIsReadStrictly(
      String part, String replacement, String why, @TempDir Path directory) throws IOException {
    String whole =
        new JsonMapper()
            .readTree(STORIES.resolve("tokenizer.json").toFile())
            .toString()
            .replace("\":", "\": ")
            .replace(",\"", ", \"");
    String changed = whole.replace(part.replace('\'', '"'), replacement.replace('\'', '"'));
    assertThat(changed).isNotEqualTo(whole);
    Files.writeString(directory.resolve("tokenizer.json"), changed);
    assertThatThrownBy(() -> Tokenizer.read(directory))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("tokenizer.json")
        .hasMessageContaining(why);
  }

  @Test
  void eachByteHasOnePiece(@TempDir Path directory) throws IOException {
    String model =
        Files.readString(STORIES.resolve("tokenizer.model"), StandardCharsets.ISO_8859_1);
    Path file = directory.resolve("tokenizer.model");
    Files.writeString(file, model.replace("<0xFF>", "<0x00>"), StandardCharsets.ISO_8859_1);
    assertThatThrownBy(() -> Tokenizer.read(directory))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("tokenizer.model: piece '<0x00>' occurs twice");
  }

  @Test
  void piecesOfNoTextDoNotFillTheMemory(@TempDir Path directory) throws IOException {
    byte[] empty = new byte[2 * ((1 << 20) + 1)];
    for (int i = 0; i < empty.length; i += 2) {
      empty[i] = 0x0A;
    }
    Files.write(directory.resolve("tokenizer.model"), empty);
    assertThatThrownBy(() -> Tokenizer.read(directory))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("tokenizer.model has more than 1048576 pieces");
  }
}
