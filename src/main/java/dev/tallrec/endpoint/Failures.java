package dev.tallrec.endpoint;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/** Messages about failures: all say which server and model failed, none holds the key. */
final class Failures {

  private static final int LONGEST_QUOTE = 300;
  private static final JsonMapper JSON = new JsonMapper();

  private final EndpointSettings settings;
  private final Optional<String> key;

  Failures(EndpointSettings settings, Optional<String> key) {
    this.settings = settings;
    this.key = key;
  }

  /** A failure of the server. */
  EndpointException of(String what) {
    return new EndpointException(
        "%s, model %s: %s".formatted(settings.address(), settings.model(), withoutKey(what)));
  }

  /** A status that no other attempt would change, with what to do about it. */
  EndpointException ofStatus(int status, byte[] body) {
    return of("status %d%s. %s".formatted(status, quote(body), remedy(status)));
  }

  /** What the server said, ready to be appended; nothing if it said nothing. */
  String quote(byte[] body) {
    // Cut only after the key is out: half a key would not be recognised.
    String said = withoutKey(messageIn(body)).replaceAll("[\\p{Cntrl}\\s]+", " ").strip();
    if (said.isEmpty()) {
      return "";
    }
    return said.length() <= LONGEST_QUOTE
        ? ": \"" + said + "\""
        : ": \"" + said.substring(0, LONGEST_QUOTE) + "...\"";
  }

  /** Servers may repeat what they were sent. */
  String withoutKey(String text) {
    return key.map(secret -> text.replace(secret, "***")).orElse(text);
  }

  private String remedy(int status) {
    return switch (status) {
      case 400 ->
          "Check that the model exists and serves %s; CHAT_TEXT asks for the least"
              .formatted(settings.api());
      case 401, 403 ->
          "%s: set the environment variable %s to a key that may use this model"
              .formatted(
                  key.isPresent() ? "The key was refused" : "No key was sent",
                  EndpointSettings.KEY_VARIABLE);
      case 404 -> "Check the model's name and the url, which ends with /v1 on most servers";
      case 301, 302, 303, 307, 308 ->
          "Redirects are not followed, to keep the key here: give the url that this one leads to";
      default -> "Check the url";
    };
  }

  private static String messageIn(byte[] body) {
    try {
      JsonNode root = JSON.readTree(body);
      JsonNode error = root.path("error");
      for (JsonNode candidate :
          new JsonNode[] {
            error.path("message"), error, root.path("message"), root.path("detail")
          }) {
        if (candidate.isTextual()) {
          return candidate.textValue();
        }
      }
    } catch (IOException e) {
      // Not JSON: quoted as it is.
    }
    return new String(body, StandardCharsets.UTF_8);
  }
}
