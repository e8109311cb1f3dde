package dev.tallrec.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.tallrec.testing.Fixtures;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TokenizerTest {

  private static final Path LLAMA = Fixtures.path("tokenizer");

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
    Tokenizer tokenizer = SentencePieceFile.read(LLAMA.resolve("tokenizer.model"));
    for (Case example : cases()) {
      assertThat(tokenizer.encode(example.text())).as(example.text()).isEqualTo(example.ids());
      assertThat(tokenizer.decode(example.ids())).isEqualTo(example.decoded());
    }
    assertThat(tokenizer.vocabSize()).isEqualTo(32000);
    assertThat(tokenizer.bos()).isEqualTo(1);
    assertThat(tokenizer.eos()).isEqualTo(2);
  }

  @Test
  void tokenizerJsonGivesTheSame() throws IOException {
    Tokenizer tokenizer = TokenizerJsonFile.read(LLAMA.resolve("tokenizer.json"));
    for (Case example : cases()) {
      assertThat(tokenizer.encode(example.text())).as(example.text()).isEqualTo(example.ids());
      assertThat(tokenizer.decode(example.ids())).isEqualTo(example.decoded());
    }
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

  @Test
  void loneSurrogatesBecomeReplacementCharacters() throws IOException {
    Tokenizer tokenizer = Tokenizer.read(LLAMA);
    assertThat(tokenizer.decode(tokenizer.encode("a\uD800b"))).isEqualTo("a\uFFFDb");
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
}
