package dev.tallrec.endpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.Optional;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Questions and answers of the three APIs. */
class EndpointProtocolTest {

  private static final Offset<Double> CLOSE = within(1e-12);

  @TempDir Path cache;

  @Test
  void aCompletionIsReadAtItsFirstTokenThatIsNotWhiteSpace() throws Exception {
    String body =
        """
        {"choices":[{"text":"\\n Yes","logprobs":{
          "tokens":["\\n"," Yes","."],
          "token_logprobs":[-0.01,-0.5,-0.2],
          "top_logprobs":[{"\\n":-0.01,"No":-5},{" Yes":-0.5,"yes":-3," No":-1.5,"NO\\n":-4,"Nor":-6},
            {".":-0.2}]}}],
         "usage":{"prompt_tokens":11,"completion_tokens":3}}
        """;
    try (StubServer server = new StubServer(StubServer.json(body))) {
      Answer answer = ask(server, Api.COMPLETIONS);
      assertThat(answer.yes()).isEqualTo(Math.exp(-0.5) + Math.exp(-3), CLOSE);
      assertThat(answer.no()).isEqualTo(Math.exp(-1.5) + Math.exp(-4), CLOSE);
      assertThat(answer.inputTokens()).isEqualTo(11);
      assertThat(answer.outputTokens()).isEqualTo(3);
      assertThat(answer.cached()).isFalse();

      StubServer.Request request = server.requests().getFirst();
      assertThat(request.method()).isEqualTo("POST");
      assertThat(request.path()).isEqualTo("/v1/completions");
      JsonNode sent = request.body();
      assertThat(sent.path("model").textValue()).isEqualTo("model-7b");
      assertThat(sent.path("prompt").textValue()).isEqualTo("Is it? \"é\"\n");
      assertThat(sent.path("max_tokens").intValue()).isBetween(1, 3);
      assertThat(sent.path("temperature").doubleValue()).isZero();
      assertThat(sent.path("logprobs").intValue()).isEqualTo(5);
    }
  }

  @Test
  void aChosenTokenCountsThoughItIsNotAmongTheLikeliest() throws Exception {
    String body =
        """
        {"choices":[{"logprobs":{"tokens":["Yes"],"token_logprobs":[-2],
          "top_logprobs":[{"No":-1,"Maybe":-1.5}]}}]}
        """;
    try (StubServer server = new StubServer(StubServer.json(body))) {
      Answer answer = ask(server, Api.COMPLETIONS);
      assertThat(answer.yes()).isEqualTo(Math.exp(-2), CLOSE);
      assertThat(answer.no()).isEqualTo(Math.exp(-1), CLOSE);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"\\\"", "**", " `", "\u201c"})
  void quotationMarksBeforeAnAnswerAreNoneOfIt(String mark) throws Exception {
    String body =
        """
        {"choices":[{"message":{"content":"MARKYes"},"logprobs":{"content":[
          {"token":"MARK","logprob":-0.1,"top_logprobs":[{"token":"MARK","logprob":-0.1}]},
          {"token":"Yes","logprob":-0.5,"top_logprobs":[
            {"token":"Yes","logprob":-0.5},{"token":"MARKNo","logprob":-1.5}]}]}}]}
        """;
    try (StubServer server = new StubServer(StubServer.json(body.replace("MARK", mark)))) {
      Answer answer = ask(server, Api.CHAT);
      assertThat(answer.yes()).isEqualTo(Math.exp(-0.5), CLOSE);
      assertThat(answer.no()).isEqualTo(Math.exp(-1.5), CLOSE);
    }
  }

  @Test
  void aChatIsReadAtItsFirstTokenThatIsNotWhiteSpace() throws Exception {
    String body =
        """
        {"choices":[{"message":{"role":"assistant","content":" no"},"logprobs":{"content":[
          {"token":" ","logprob":-0.1,"top_logprobs":[{"token":"Yes","logprob":-0.3}]},
          {"token":"no","logprob":-0.7,"top_logprobs":[
            {"token":"no","logprob":-0.7},{"token":"No","logprob":-2},
            {"token":" YES ","logprob":-1.6},{"token":"Yesterday","logprob":-4}]}]}}],
         "usage":{"prompt_tokens":9,"completion_tokens":2}}
        """;
    try (StubServer server = new StubServer(StubServer.json(body))) {
      Answer answer = ask(server, Api.CHAT);
      assertThat(answer.yes()).isEqualTo(Math.exp(-1.6), CLOSE);
      assertThat(answer.no()).isEqualTo(Math.exp(-0.7) + Math.exp(-2), CLOSE);

      StubServer.Request request = server.requests().getFirst();
      assertThat(request.path()).isEqualTo("/v1/chat/completions");
      assertThat(request.authorization()).isEqualTo("Bearer " + Setup.KEY);
      JsonNode sent = request.body();
      assertThat(sent.path("messages").path(0).path("role").textValue()).isEqualTo("user");
      assertThat(sent.path("messages").path(0).path("content").textValue())
          .isEqualTo("Is it? \"é\"\n");
      assertThat(sent.path("logprobs").booleanValue()).isTrue();
      assertThat(sent.path("top_logprobs").intValue()).isEqualTo(20);
    }
  }

  @Test
  void roundedProbabilitiesAddUpToOneAtMost() throws Exception {
    String body =
        """
        {"choices":[{"logprobs":{"content":[{"token":"Yes","logprob":0,"top_logprobs":[
          {"token":"Yes","logprob":0},{"token":"No","logprob":1e999}]}]}}]}
        """;
    try (StubServer server = new StubServer(StubServer.json(body))) {
      Answer answer = ask(server, Api.CHAT);
      assertThat(answer.yes()).isEqualTo(0.5, CLOSE);
      assertThat(answer.no()).isEqualTo(0.5, CLOSE);
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '~',
      value = {
        "Yes.|1|0",
        "\\n \\\"yes\\\"|1|0",
        "\u201cNO\u201d|0|1",
        "'no', for|0|1",
        "Nothing|0|0",
        "I think|0|0",
        "Yes|1|0"
      })
  void aTextIsYesOrNoOrNeither(String text, double yes, double no) throws Exception {
    String body = "{\"choices\":[{\"message\":{\"content\":\"" + text + "\"}}]}";
    try (StubServer server = new StubServer(StubServer.json(body))) {
      Answer answer = ask(server, Api.CHAT_TEXT);
      assertThat(answer.yes()).isEqualTo(yes);
      assertThat(answer.no()).isEqualTo(no);
      assertThat(server.requests().getFirst().path()).isEqualTo("/v1/chat/completions");
      assertThat(server.requests().getFirst().body().has("logprobs")).isFalse();
      assertThat(server.requests().getFirst().body().has("top_logprobs")).isFalse();
    }
  }

  @Test
  void tokensThatTheServerDoesNotCountAreEstimated() throws Exception {
    String body =
        "{\"choices\":[{\"message\":{\"content\":null}}],\"usage\":{\"prompt_tokens\":-4}}";
    try (StubServer server = new StubServer(StubServer.json(body))) {
      Answer answer = ask(server, Api.CHAT_TEXT);
      assertThat(answer).isEqualTo(new Answer(0, 0, 3, 3, false));
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"choices\":[{\"message\":{\"content\":\"Yes\"},\"logprobs\":null}]}",
        "{\"choices\":[{\"message\":{\"content\":\"Yes\"}}]}",
        "{\"choices\":[{\"message\":{\"content\":\"Yes\"},\"logprobs\":{\"content\":[]}}]}",
        "{\"choices\":[{\"text\":\"Yes\",\"logprobs\":{\"tokens\":[]}}]}",
        "{\"choices\":[{\"logprobs\":{\"content\":[{\"token\":\"Yes\",\"logprob\":-1}]}}]}",
        "{\"choices\":[{\"logprobs\":{\"tokens\":[\"Yes\"],\"top_logprobs\":null}}]}"
      })
  void withoutLogProbabilitiesCallersAreSentToChatText(String body) throws Exception {
    try (StubServer server = new StubServer(StubServer.json(body))) {
      assertThatThrownBy(() -> ask(server, Api.CHAT))
          .isInstanceOf(EndpointException.class)
          .hasMessageContaining("CHAT_TEXT")
          .hasMessageContaining("model-7b")
          .hasMessageContaining(server.url().toString());
      assertThat(server.requests()).hasSize(1);
      assertThat(cache).isEmptyDirectory();
    }
  }

  @Test
  void anAnswerOfNothingIsNeither() throws Exception {
    String body =
        """
        {"choices":[{"message":{"content":" "},"logprobs":{"content":[
          {"token":" ","logprob":-0.1,"top_logprobs":[{"token":" ","logprob":-0.1}]}]}}]}
        """;
    try (StubServer server = new StubServer(StubServer.json(body))) {
      Answer answer = ask(server, Api.CHAT);
      assertThat(answer.yes()).isZero();
      assertThat(answer.no()).isZero();
    }
  }

  private Answer ask(StubServer server, Api api) throws EndpointException, InterruptedException {
    try (EndpointClient client =
        new EndpointClient(
            Setup.settings(server.url(), api), Optional.of(Setup.KEY), cache, new FakePause())) {
      return client.ask("Is it? \"é\"\n");
    }
  }
}
