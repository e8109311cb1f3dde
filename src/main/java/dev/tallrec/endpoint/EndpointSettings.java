package dev.tallrec.endpoint;

import java.net.URI;
import java.time.Duration;
import java.util.Locale;

/**
 * A server, how to ask it and what it costs.
 *
 * @param url what precedes {@code /completions}, usually ending with {@code /v1}
 * @param model as the server calls it
 * @param api what to ask of the server
 * @param timeout for the whole of one answer
 * @param attempts how often a question is sent at most
 * @param requestsPerMinute at most, evenly spaced
 * @param dollarsPerMillionInput price of a million tokens of questions; 0 on an own server
 * @param dollarsPerMillionOutput price of a million tokens of answers; 0 on an own server
 */
public record EndpointSettings(
    URI url,
    String model,
    Api api,
    Duration timeout,
    int attempts,
    double requestsPerMinute,
    double dollarsPerMillionInput,
    double dollarsPerMillionOutput) {

  /** The environment variable that messages name as the holder of the key. */
  public static final String KEY_VARIABLE = "OPENAI_API_KEY";

  private static final Duration LONGEST_TIMEOUT = Duration.ofDays(1);
  private static final double LEAST_REQUESTS_PER_MINUTE = 0.001;
  private static final int LARGEST_PORT = 65_535;

  /**
   * Checks every part.
   *
   * @throws IllegalArgumentException naming the part that is wrong
   */
  public EndpointSettings {
    url = checked(url);
    require(!model.isBlank(), "model: a name is missing");
    require(
        timeout.isPositive() && timeout.compareTo(LONGEST_TIMEOUT) <= 0,
        "timeout: %s is not between 0 and a day".formatted(timeout));
    require(attempts > 0, "attempts: %d is not positive".formatted(attempts));
    require(
        Double.isFinite(requestsPerMinute) && requestsPerMinute >= LEAST_REQUESTS_PER_MINUTE,
        "requestsPerMinute: %s is less than %s or not finite"
            .formatted(requestsPerMinute, LEAST_REQUESTS_PER_MINUTE));
    requirePrice("dollarsPerMillionInput", dollarsPerMillionInput);
    requirePrice("dollarsPerMillionOutput", dollarsPerMillionOutput);
  }

  /** Where questions go. */
  URI address() {
    return URI.create(url + api.path());
  }

  /** What so many tokens cost. */
  double dollars(long inputTokens, long outputTokens) {
    return (inputTokens * dollarsPerMillionInput + outputTokens * dollarsPerMillionOutput) / 1e6;
  }

  private static URI checked(URI url) {
    // First, and without the URL in its message: what stands there is a password.
    require(
        url.getRawUserInfo() == null, "url: must not hold a user; the key goes in " + KEY_VARIABLE);
    require(
        url.getRawQuery() == null && url.getRawFragment() == null,
        "url: must not hold a query or fragment");
    String scheme = url.getScheme() == null ? "" : url.getScheme().toLowerCase(Locale.ROOT);
    require(
        scheme.equals("http") || scheme.equals("https"),
        "url: %s starts with neither http:// nor https://".formatted(url));
    require(url.getHost() != null, "url: %s names no valid host".formatted(url));
    require(
        url.getPort() != 0 && url.getPort() <= LARGEST_PORT,
        "url: %s names no valid port".formatted(url));
    String text = url.toString();
    int end = text.length();
    while (text.charAt(end - 1) == '/') {
      end--;
    }
    return URI.create(text.substring(0, end));
  }

  private static void requirePrice(String name, double dollars) {
    require(
        Double.isFinite(dollars) && dollars >= 0,
        "%s: %s is negative or not finite".formatted(name, dollars));
  }

  private static void require(boolean condition, String message) {
    if (!condition) {
      throw new IllegalArgumentException(message);
    }
  }
}
