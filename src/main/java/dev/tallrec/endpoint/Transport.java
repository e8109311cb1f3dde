package dev.tallrec.endpoint;

import java.io.IOException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Sends one request and returns the body of a good response. */
final class Transport implements AutoCloseable {

  private static final int LARGEST_BODY = 1 << 20;
  private static final Duration LONGEST_WAIT = Duration.ofMinutes(10);

  private final EndpointSettings settings;
  private final Optional<String> key;
  private final Failures failures;
  private final HttpClient client;

  Transport(EndpointSettings settings, Optional<String> key, Failures failures) {
    this.settings = settings;
    this.key = key;
    this.failures = failures;
    this.client =
        HttpClient.newBuilder()
            // Some servers stumble over the offer to upgrade a plain connection to HTTP/2.
            .version(HttpClient.Version.HTTP_1_1)
            .followRedirects(HttpClient.Redirect.NEVER)
            .connectTimeout(settings.timeout())
            .build();
  }

  /** Posts {@code json}. */
  byte[] post(String json) throws TransientFailure, EndpointException, InterruptedException {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(settings.address())
            .header("Content-Type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofString(json));
    key.ifPresent(secret -> request.header("Authorization", "Bearer " + secret));
    HttpResponse<byte[]> response = send(request.build());
    int status = response.statusCode();
    switch (status) {
      case 200:
        return response.body();
      case 429, 500, 502, 503, 504:
        throw new TransientFailure(
            "status " + status + failures.quote(response.body()), leastWait(response));
      default:
        throw failures.ofStatus(status, response.body());
    }
  }

  @Override
  public void close() {
    // Closing alone would wait for servers that never answer.
    client.shutdownNow();
    client.close();
  }

  private HttpResponse<byte[]> send(HttpRequest request)
      throws TransientFailure, EndpointException, InterruptedException {
    CompletableFuture<HttpResponse<byte[]>> response =
        client.sendAsync(request, head -> new BoundedBody(LARGEST_BODY));
    try {
      // The time-out of a request ends with the head of its response; this one covers the body.
      return response.get(settings.timeout().toNanos(), TimeUnit.NANOSECONDS);
    } catch (TimeoutException e) {
      throw new TransientFailure("no answer within " + settings.timeout().toMillis() + " ms");
    } catch (ExecutionException e) {
      // The cause is told, not attached: it may quote the server, who may quote the key.
      Throwable cause = Objects.requireNonNullElse(e.getCause(), e);
      String told = describe(cause);
      if (cause instanceof IOException && !(cause instanceof BoundedBody.TooLargeException)) {
        throw new TransientFailure(told);
      }
      throw failures.of(told);
    } finally {
      response.cancel(true);
    }
  }

  private Duration leastWait(HttpResponse<byte[]> response) throws EndpointException {
    Duration wait =
        response
            .headers()
            .firstValue("Retry-After")
            .map(String::strip)
            .filter(value -> value.matches("[0-9]{1,9}"))
            .map(value -> Duration.ofSeconds(Long.parseLong(value)))
            .orElse(Duration.ZERO);
    if (wait.compareTo(LONGEST_WAIT) > 0) {
      throw failures.of(
          "status %d%s. It wants no request for %d seconds: try again later"
              .formatted(response.statusCode(), failures.quote(response.body()), wait.toSeconds()));
    }
    return wait;
  }

  private static String describe(Throwable failure) {
    if (failure instanceof BoundedBody.TooLargeException tooLarge) {
      return tooLarge.getMessage() + ": this is no server of language models";
    }
    String message = failure.getMessage();
    String kind = failure.getClass().getSimpleName();
    return "connection failed: " + (message == null ? kind : kind + ": " + message);
  }
}
