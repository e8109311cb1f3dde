package dev.tallrec.endpoint;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.util.Map;
import java.util.Optional;

/** The reply of a server; nothing in it is believed to be there. */
final class Reply {

  private static final JsonMapper JSON =
      JsonMapper.builder().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS).build();

  private final JsonNode choice;
  private final JsonNode usage;

  private Reply(JsonNode choice, JsonNode usage) {
    this.choice = choice;
    this.usage = usage;
  }

  /** The reply, if {@code body} is JSON with an answer in it. */
  static Optional<Reply> parse(byte[] body) {
    JsonNode root;
    try {
      root = JSON.readTree(body);
    } catch (IOException e) {
      return Optional.empty();
    }
    JsonNode choice = root.path("choices").path(0);
    return choice.isObject()
        ? Optional.of(new Reply(choice, root.path("usage")))
        : Optional.empty();
  }

  /** Length of the question, {@code otherwise} if the server does not count. */
  int inputTokens(int otherwise) {
    return count("prompt_tokens", otherwise);
  }

  /** Length of the answer, {@code otherwise} if the server does not count. */
  int outputTokens(int otherwise) {
    return count("completion_tokens", otherwise);
  }

  /** From the text of the reply to a message. */
  Chances fromText() {
    return Chances.ofText(text());
  }

  /** From the first token with a word or part of one; empty without log-probabilities. */
  Optional<Chances> fromTokens() {
    JsonNode logprobs = choice.path("logprobs");
    // Not told apart by the API asked: some servers reply to both in the form of chats.
    return logprobs.path("content").isArray()
        ? fromChat(logprobs.path("content"))
        : fromCompletion(logprobs);
  }

  private Optional<Chances> fromChat(JsonNode positions) {
    for (JsonNode position : positions) {
      String chosen = position.path("token").asText("");
      if (Chances.isBeforeAnswer(chosen)) {
        continue;
      }
      Chances chances = Chances.NEITHER;
      boolean listed = false;
      for (JsonNode candidate : position.path("top_logprobs")) {
        String token = candidate.path("token").asText("");
        listed |= token.equals(chosen);
        chances = plus(chances, token, candidate.path("logprob"));
      }
      return position.path("top_logprobs").isEmpty()
          ? Optional.empty()
          : Optional.of(listed ? chances : plus(chances, chosen, position.path("logprob")));
    }
    return withoutTokens();
  }

  private Optional<Chances> fromCompletion(JsonNode logprobs) {
    JsonNode tokens = logprobs.path("tokens");
    if (!tokens.isArray()) {
      return Optional.empty();
    }
    for (int i = 0; i < tokens.size(); i++) {
      String chosen = tokens.path(i).asText("");
      if (Chances.isBeforeAnswer(chosen)) {
        continue;
      }
      JsonNode candidates = logprobs.path("top_logprobs").path(i);
      if (candidates.isEmpty()) {
        return Optional.empty();
      }
      Chances chances = Chances.NEITHER;
      for (Map.Entry<String, JsonNode> candidate : candidates.properties()) {
        chances = plus(chances, candidate.getKey(), candidate.getValue());
      }
      return Optional.of(
          candidates.has(chosen)
              ? chances
              : plus(chances, chosen, logprobs.path("token_logprobs").path(i)));
    }
    return withoutTokens();
  }

  /** An answer of nothing is neither; one of text lacks its tokens. */
  private Optional<Chances> withoutTokens() {
    boolean blank = text().isBlank() && choice.path("text").asText("").isBlank();
    return blank ? Optional.of(Chances.NEITHER) : Optional.empty();
  }

  private String text() {
    return choice.path("message").path("content").asText("");
  }

  private static Chances plus(Chances chances, String token, JsonNode logprob) {
    return logprob.isNumber() ? chances.plus(token, logprob.doubleValue()) : chances;
  }

  private int count(String name, int otherwise) {
    JsonNode count = usage.path(name);
    return count.isInt() && count.intValue() >= 0 ? count.intValue() : otherwise;
  }
}
