package dev.tallrec.endpoint;

import java.net.URI;
import java.time.Duration;

/** What tests of this package ask and are answered. */
final class Setup {

  static final String KEY = "sk-secret-0123456789";

  static final String CHAT_YES =
      """
      {"choices":[{"message":{"role":"assistant","content":"Yes"},"logprobs":{"content":[
        {"token":"Yes","logprob":-0.1,"top_logprobs":[{"token":"Yes","logprob":-0.1}]}]}}],
       "usage":{"prompt_tokens":40,"completion_tokens":2}}
      """;

  private Setup() {}

  /** Of a server that may be asked as often as one likes. */
  static EndpointSettings settings(URI url, Api api) {
    return new EndpointSettings(url, "model-7b", api, Duration.ofSeconds(20), 3, 1e9, 1.0, 2.0);
  }

  static EndpointSettings impatient(URI url) {
    return new EndpointSettings(
        url, "model-7b", Api.CHAT, Duration.ofMillis(100), 2, 1e9, 1.0, 2.0);
  }
}
