package dev.tallrec.endpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.URI;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class EndpointSettingsTest {

  private static final URI URL = URI.create("https://example.org/v1");

  @ParameterizedTest
  @ValueSource(
      strings = {
        "ftp://example.org/v1",
        "file:///etc/passwd",
        "/v1",
        "mailto:someone",
        "http:///v1",
        "http://under_score/v1",
        "http://example.org:70000/v1",
        "http://example.org/v1?key=x",
        "http://example.org/v1#x"
      })
  void otherUrlsAreRefused(String url) {
    assertThatThrownBy(() -> Setup.settings(URI.create(url), Api.CHAT))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith("url: ");
  }

  @Test
  void passwordsInUrlsAreRefusedAndNotRepeated() {
    assertThatThrownBy(
            () -> Setup.settings(URI.create("http://me:secret@example.org/v1"), Api.CHAT))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageNotContaining("secret");
  }

  @Test
  void slashesAtTheEndDoNotMatter() {
    EndpointSettings settings = Setup.settings(URI.create("HTTPS://example.org/v1//"), Api.CHAT);
    assertThat(settings.address()).isEqualTo(URI.create("HTTPS://example.org/v1/chat/completions"));
    assertThat(settings).isEqualTo(Setup.settings(URL, Api.CHAT));
  }

  @Test
  void numbersOutOfRangeAreRefused() {
    Duration second = Duration.ofSeconds(1);
    refused("model", () -> settings(" ", second, 1, 1, 1, 1));
    refused("timeout", () -> settings("m", Duration.ZERO, 1, 1, 1, 1));
    refused("timeout", () -> settings("m", Duration.ofDays(2), 1, 1, 1, 1));
    refused("attempts", () -> settings("m", second, 0, 1, 1, 1));
    refused("requestsPerMinute", () -> settings("m", second, 1, 0, 1, 1));
    refused("requestsPerMinute", () -> settings("m", second, 1, Double.NaN, 1, 1));
    refused("dollarsPerMillionInput", () -> settings("m", second, 1, 1, -1, 1));
    refused("dollarsPerMillionOutput", () -> settings("m", second, 1, 1, 1, Double.NaN));
    assertThat(settings("m", second, 1, 1, 0, 0).dollars(1_000_000, 1_000_000)).isZero();
  }

  private static void refused(String part, Runnable settings) {
    assertThatThrownBy(settings::run)
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith(part + ": ");
  }

  private static EndpointSettings settings(
      String model, Duration timeout, int attempts, double perMinute, double input, double output) {
    return new EndpointSettings(
        URL, model, Api.COMPLETIONS, timeout, attempts, perMinute, input, output);
  }
}
