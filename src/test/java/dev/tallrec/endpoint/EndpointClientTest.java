package dev.tallrec.endpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is kept, counted and spaced. */
class EndpointClientTest {

  @TempDir Path directory;
  private Path cache;
  private StubServer server;
  private final FakePause pause = new FakePause();

  @BeforeEach
  void start() throws IOException {
    cache = directory.resolve("answers");
    server = new StubServer(StubServer.json(Setup.CHAT_YES));
  }

  @AfterEach
  void stop() {
    server.close();
  }

  @Test
  void aQuestionIsPaidForOnce() throws Exception {
    Answer first;
    try (EndpointClient client = client(Api.CHAT)) {
      first = client.ask("A?");
      assertThat(first.cached()).isFalse();
      assertThat(client.ask("A?").cached()).isTrue();
      assertThat(client.usage()).isEqualTo(new Usage(1, 1, 40, 2, (40 * 1.0 + 2 * 2.0) / 1e6));
    }
    try (EndpointClient later = client(Api.CHAT)) {
      assertThat(later.ask("A?")).isEqualTo(new Answer(first.yes(), first.no(), 40, 2, true));
      assertThat(later.usage()).isEqualTo(new Usage(0, 1, 0, 0, 0));
    }
    assertThat(server.requests()).hasSize(1);
  }

  @Test
  void questionsAreTheSameOnlyIfAskedInTheSameWay() throws Exception {
    try (EndpointClient chat = client(Api.CHAT);
        EndpointClient text = client(Api.CHAT_TEXT)) {
      chat.ask("A?");
      chat.ask("B?");
      text.ask("A?");
      // An API's name and a question that together read like the ones before.
      chat.ask("_TEXTA?");
    }
    assertThat(server.requests()).hasSize(4);
    assertThat(files())
        .hasSize(4)
        .allMatch(file -> file.toString().matches(".*/[0-9a-f]{64}.json"));
  }

  @Test
  void threadsWithTheSameQuestionPayForItOnce() throws Exception {
    try (EndpointClient client = client(Api.CHAT);
        ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      Callable<Answer> question = () -> client.ask("A?");
      List<Future<Answer>> answers = threads.invokeAll(List.of(question, question, question));
      for (Future<Answer> answer : answers) {
        assertThat(answer.get().yes()).isEqualTo(Math.exp(-0.1));
      }
      assertThat(client.usage().fromCache()).isEqualTo(2);
    }
    assertThat(server.requests()).hasSize(1);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "{\"yes\":0.5,\"no\":0.",
        "{\"yes\":0.5,\"no\":0.1,\"inputTokens\":1}",
        "{\"yes\":0.9,\"no\":0.9,\"inputTokens\":1,\"outputTokens\":1}",
        "{\"yes\":-1,\"no\":0.9,\"inputTokens\":1,\"outputTokens\":1}",
        "{\"yes\":0.9,\"no\":0,\"inputTokens\":-1,\"outputTokens\":1}",
        "{\"yes\":\"0.9\",\"no\":0,\"inputTokens\":1,\"outputTokens\":1}"
      })
  void aBrokenFileIsReplaced(String broken) throws Exception {
    try (EndpointClient client = client(Api.CHAT)) {
      client.ask("A?");
      Files.writeString(files().getFirst(), broken);
      assertThat(client.ask("A?").cached()).isFalse();
      assertThat(client.ask("A?").cached()).isTrue();
    }
    assertThat(server.requests()).hasSize(2);
  }

  @Test
  void nothingIsAskedThatCannotBeKept() throws Exception {
    Files.writeString(cache, "a file");
    try (EndpointClient client = client(Api.CHAT)) {
      assertThatThrownBy(() -> client.ask("A?"))
          .isInstanceOf(EndpointException.class)
          .hasMessageContaining(cache.toString());
    }
    assertThat(server.requests()).isEmpty();
  }

  @Test
  void theKeyIsShownNowhere() throws Exception {
    try (EndpointClient client = client(Api.CHAT)) {
      client.ask("A?");
      assertThat(client.toString() + client.usage()).doesNotContain(Setup.KEY);
    }
    for (Path file : files()) {
      assertThat(file.toString() + Files.readString(file)).doesNotContain(Setup.KEY);
    }
    String unsendable = Setup.KEY + "\r\nX: y";
    assertThatThrownBy(() ->
            new EndpointClient(
                Setup.settings(server.url(), Api.CHAT), Optional.of(unsendable), cache))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("OPENAI_API_KEY")
        .hasMessageNotContaining(Setup.KEY);
  }

  @Test
  void estimatesCountWhatIsNotKeptYet() throws Exception {
    try (EndpointClient client = client(Api.CHAT)) {
      client.ask("A?");
      Usage estimate = client.estimate(List.of("A?", "12345678", "123456789", "12345678"));
      assertThat(estimate.asked()).isEqualTo(2);
      assertThat(estimate.fromCache()).isEqualTo(2);
      assertThat(estimate.inputTokens()).isEqualTo(2 + 3);
      assertThat(estimate.outputTokens()).isEqualTo(6);
      assertThat(estimate.dollars()).isEqualTo((5 * 1.0 + 6 * 2.0) / 1e6, within(1e-15));
    }
    assertThat(server.requests()).hasSize(1);
  }

  @Test
  void requestsAreSpacedButAnswersFromTheCacheAreNot() throws Exception {
    EndpointSettings slow =
        new EndpointSettings(
            server.url(), "model-7b", Api.CHAT, Duration.ofSeconds(20), 1, 30, 0, 0);
    try (EndpointClient client = new EndpointClient(slow, Optional.empty(), cache, pause)) {
      client.ask("A?");
      client.ask("A?");
      client.ask("B?");
      client.ask("C?");
    }
    assertThat(pause.waits()).containsExactly(Duration.ofSeconds(2), Duration.ofSeconds(2));
  }

  private EndpointClient client(Api api) {
    return new EndpointClient(
        Setup.settings(server.url(), api), Optional.of(Setup.KEY), cache, pause);
  }

  private List<Path> files() throws IOException {
    try (Stream<Path> files = Files.list(cache)) {
      return files.toList();
    }
  }
}
