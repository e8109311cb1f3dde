package dev.tallrec.endpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Servers that fail, for a while or for good, and servers that mean harm. */
class EndpointFailureTest {

  private static final StubServer.Reply YES = StubServer.json(Setup.CHAT_YES);

  @TempDir Path cache;
  private final FakePause pause = new FakePause();

  @ParameterizedTest
  @ValueSource(ints = {401, 403})
  void aRefusedKeyNamesItsVariable(int status) throws Exception {
    try (StubServer server =
        new StubServer(
            StubServer.status(
                status, "{\"error\":{\"message\":\"bad key: " + Setup.KEY + "\"}}"))) {
      EndpointException failure = failure(server);
      assertThat(failure)
          .hasMessageContaining("OPENAI_API_KEY")
          .hasMessageContaining("bad key: ***")
          .hasMessageContaining("model-7b")
          .hasMessageContaining(server.url().toString());
      assertThat(stackTrace(failure)).doesNotContain(Setup.KEY);
      assertThat(server.requests()).hasSize(1);
    }
  }

  @Test
  void aMissingKeyIsSaidToBeMissing() throws Exception {
    try (StubServer server = new StubServer(StubServer.status(401, ""));
        EndpointClient client =
            new EndpointClient(
                Setup.settings(server.url(), Api.CHAT), Optional.of(" \n"), cache, pause)) {
      assertThat(failure(client)).hasMessageContaining("No key was sent");
      assertThat(server.requests().getFirst().authorization()).isNull();
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {400, 404, 302, 418})
  void whatNoOtherAttemptWouldChangeIsNotTriedAgain(int status) throws Exception {
    try (StubServer server =
        new StubServer(
            StubServer.status(status, "no such thing", "Location", "http://127.0.0.1:1/"))) {
      assertThat(failure(server))
          .hasMessageContaining("status " + status)
          .hasMessageContaining("no such thing")
          .hasMessageContaining("model-7b");
      assertThat(server.requests()).hasSize(1);
      assertThat(pause.waits()).isEmpty();
    }
  }

  @Test
  void aBusyServerIsLeftAloneForAsLongAsItWants() throws Exception {
    try (StubServer server =
            new StubServer(StubServer.status(429, "slow down", "Retry-After", "7"), YES);
        EndpointClient client = client(server)) {
      assertThat(client.ask("?").yes()).isPositive();
      assertThat(pause.waits()).containsExactly(Duration.ofSeconds(7));
      assertThat(server.requests()).hasSize(2);
    }
  }

  @Test
  void aServerThatWantsToBeLeftAloneForHoursIsGivenUp() throws Exception {
    try (StubServer server =
        new StubServer(StubServer.status(429, "quota", "Retry-After", "86400"))) {
      assertThat(failure(server)).hasMessageContaining("86400 seconds");
      assertThat(server.requests()).hasSize(1);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {500, 502, 503, 504})
  void aBrokenServerIsAskedUntilAttemptsAreUsedUp(int status) throws Exception {
    try (StubServer server =
        new StubServer(StubServer.status(status, "oops", "Retry-After", "tomorrow"))) {
      assertThat(failure(server))
          .hasMessageContaining("3 attempts")
          .hasMessageContaining("status " + status + ": \"oops\"");
      assertThat(server.requests()).hasSize(3);
      List<Duration> waits = pause.waits();
      assertThat(waits).hasSize(2);
      assertThat(waits.get(0)).isBetween(Duration.ofMillis(500), Duration.ofMillis(1000));
      assertThat(waits.get(1)).isBetween(Duration.ofSeconds(1), Duration.ofSeconds(2));
    }
  }

  static List<StubServer.Reply> unreadable() {
    return List.of(
        StubServer.json(Setup.CHAT_YES.substring(0, Setup.CHAT_YES.length() / 2)),
        StubServer.json(""),
        StubServer.json("[]"),
        StubServer.json("<html>"),
        StubServer.json(Setup.CHAT_YES + "}"),
        StubServer.json("[".repeat(100_000)),
        StubServer.json("{\"error\":{\"message\":\"overloaded\"}}"),
        StubServer.brokenOff());
  }

  @ParameterizedTest
  @MethodSource("unreadable")
  void aQuestionIsAskedAgainAfterAnUnreadableAnswer(StubServer.Reply unreadable) throws Exception {
    try (StubServer server = new StubServer(unreadable, YES);
        EndpointClient client = client(server)) {
      assertThat(client.ask("?").yes()).isEqualTo(Math.exp(-0.1));
      assertThat(server.requests()).hasSize(2);
      assertThat(client.usage().asked()).isEqualTo(1);
    }
  }

  @Test
  void serversThatRepeatTheKeyWithinAnyAnswerAreNotQuotedWithIt() throws Exception {
    for (StubServer.Reply reply :
        List.of(
            StubServer.json("x".repeat(295) + Setup.KEY),
            StubServer.status(500, Setup.KEY),
            StubServer.status(400, "{\"detail\":\"" + Setup.KEY + "\"}"))) {
      try (StubServer server = new StubServer(reply)) {
        assertThat(stackTrace(failure(server))).doesNotContain("sk-secr");
      }
    }
  }

  @Test
  void serversThatDoNotAnswerTimeOut() throws Exception {
    for (StubServer.Reply silence : List.of(StubServer.silence(), StubServer.silenceWithinBody())) {
      try (StubServer server = new StubServer(silence);
          EndpointClient client =
              new EndpointClient(
                  Setup.impatient(server.url()), Optional.of(Setup.KEY), cache, pause)) {
        assertThat(failure(client))
            .hasMessageContaining("2 attempts")
            .hasMessageContaining("no answer within 100 ms");
      }
    }
  }

  @Test
  void bodiesWithoutEndAreNotReadToTheirEnd() throws Exception {
    try (StubServer server = new StubServer(StubServer.endless())) {
      assertThat(failure(server)).hasMessageContaining("larger than 1048576 bytes");
      assertThat(server.requests()).hasSize(1);
    }
  }

  @Test
  void aServerThatIsNotThereIsTriedAgain() throws Exception {
    URI gone;
    try (StubServer server = new StubServer(YES)) {
      gone = server.url();
    }
    try (EndpointClient client =
        new EndpointClient(Setup.settings(gone, Api.CHAT), Optional.of(Setup.KEY), cache, pause)) {
      assertThat(failure(client))
          .hasMessageContaining("3 attempts")
          .hasMessageContaining("connection failed")
          .hasMessageContaining(gone.toString());
    }
  }

  private EndpointClient client(StubServer server) {
    return new EndpointClient(
        Setup.settings(server.url(), Api.CHAT), Optional.of(Setup.KEY), cache, pause);
  }

  private EndpointException failure(StubServer server) {
    try (EndpointClient client = client(server)) {
      return failure(client);
    }
  }

  private static EndpointException failure(EndpointClient client) {
    return catchThrowableOfType(EndpointException.class, () -> client.ask("?"));
  }

  private static String stackTrace(Throwable failure) throws IOException {
    try (StringWriter text = new StringWriter();
        PrintWriter writer = new PrintWriter(text)) {
      failure.printStackTrace(writer);
      return text.toString();
    }
  }
}
