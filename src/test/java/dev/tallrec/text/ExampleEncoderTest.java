package dev.tallrec.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tallrec.testing.Fixtures;
import java.io.IOException;
import org.junit.jupiter.api.Test;

class ExampleEncoderTest {

  private static final Instruction EXAMPLE =
      new Instruction("Do {input}.", "User Preference: \"{instruction}\"", "Yes.");

  private static ExampleEncoder encoder(int cutoff, boolean trainOnInputs) throws IOException {
    return new ExampleEncoder(
        Tokenizer.read(Fixtures.path("tokenizer")), PromptTemplate.PAPER, cutoff, trainOnInputs);
  }

  @Test
  void promptIsThePapersToTheLetter() {
    assertThat(PromptTemplate.PAPER.prompt(EXAMPLE))
        .isEqualTo(
            """
            Below is an instruction that describes a task, paired with an input that provides further context. \
            Write a response that appropriately completes the request.  # noqa: E501

            ### Instruction:
            Do {input}.

            ### Input:
            User Preference: "{instruction}"

            ### Response:
            """);
  }

  @Test
  void learnsAnswerAndEndTokenOnly() throws IOException {
    ExampleEncoder encoder = encoder(512, false);
    ExampleEncoder.Encoded encoded = encoder.encode(EXAMPLE);
    int[] prompt = encoder.encodePrompt(EXAMPLE).ids();
    assertThat(encoded.cut()).isZero();
    assertThat(encoded.tokens().ids()).startsWith(prompt).endsWith(8241, 29889, 2);
    assertThat(encoded.tokens().labelCount()).isEqualTo(3);
    for (int i = 0; i < encoded.tokens().ids().length; i++) {
      assertThat(encoded.tokens().isLabel()[i]).isEqualTo(i >= prompt.length);
    }
  }

  @Test
  void learnsAllTokensIfAsked() throws IOException {
    LabelledTokens tokens = encoder(512, true).encode(EXAMPLE).tokens();
    assertThat(tokens.labelCount()).isEqualTo(tokens.ids().length - 1);
  }

  @Test
  void cutsTheEndAndCountsIt() throws IOException {
    ExampleEncoder.Encoded encoded = encoder(50, true).encode(EXAMPLE);
    int whole = encoder(512, true).encode(EXAMPLE).tokens().ids().length;
    assertThat(encoded.tokens().ids()).hasSize(50);
    assertThat(encoded.cut()).isEqualTo(whole - 50);
  }

  @Test
  void longPromptsLoseTheStartOfTheirInput() throws IOException {
    int[] whole = encoder(512, false).encodePrompt(EXAMPLE).ids();
    ExampleEncoder.Prompt cut = encoder(whole.length - 3, false).encodePrompt(EXAMPLE);
    assertThat(cut.cut()).isEqualTo(3);
    Tokenizer tokenizer = Tokenizer.read(Fixtures.path("tokenizer"));
    assertThat(tokenizer.decode(cut.ids()))
        .startsWith("Below is an instruction")
        .contains("### Input:\n: \"{inst")
        .endsWith("### Response:\n");
    assertThatThrownBy(() -> encoder(40, false).encodePrompt(EXAMPLE))
        .hasMessageContaining("does not fit");
  }

  @Test
  void aPromptIsCutWithinItsInputAlone() throws IOException {
    int cutoff = encoder(512, false).encodePrompt(EXAMPLE).ids().length;
    Tokenizer tokenizer = Tokenizer.read(Fixtures.path("tokenizer"));
    String last = "";
    try {
      while (cutoff > 2) {
        last = tokenizer.decode(encoder(--cutoff, false).encodePrompt(EXAMPLE).ids());
        assertThat(last).contains("### Input:\n").endsWith("\n\n### Response:\n");
      }
    } catch (IllegalArgumentException e) {
      assertThat(e).hasMessageContaining("does not fit a cutoff of " + cutoff);
    }
    assertThat(last).endsWith("### Input:\n\n\n### Response:\n");
  }

  @Test
  void aWholePromptIsTheSameOrNothing() throws IOException {
    int[] whole = encoder(512, false).encodePrompt(EXAMPLE).ids();
    assertThat(encoder(whole.length, false).encodeWholePrompt(EXAMPLE).orElseThrow())
        .isEqualTo(whole);
    assertThat(encoder(whole.length - 1, false).encodeWholePrompt(EXAMPLE)).isEmpty();
  }

  @Test
  void refusesAnExampleWhoseAnswerIsCutAway() throws IOException {
    ExampleEncoder encoder = encoder(50, false);
    assertThatThrownBy(() -> encoder.encode(EXAMPLE))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("raise the cutoff");
  }
}
