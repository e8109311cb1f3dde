package dev.tallrec.endpoint;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** A server on this machine that gives prepared replies. */
public final class StubServer implements AutoCloseable {

  /** What came in. */
  public record Request(
      String method, String path, @Nullable String authorization, JsonNode body) {}

  /** How to reply. */
  @FunctionalInterface
  public interface Reply {
    void to(HttpExchange exchange, CountDownLatch closing) throws IOException, InterruptedException;
  }

  private final HttpServer server;
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private final CountDownLatch closing = new CountDownLatch(1);
  private final Function<JsonNode, Reply> replies;
  private final List<Request> requests = new CopyOnWriteArrayList<>();

  /** Gives these replies in turn, the last one again and again. */
  public StubServer(Reply... replies) throws IOException {
    this(inTurn(new ArrayDeque<>(List.of(replies))));
  }

  private static Function<JsonNode, Reply> inTurn(Queue<Reply> replies) {
    return question -> {
      synchronized (replies) {
        return replies.size() > 1 ? replies.remove() : replies.element();
      }
    };
  }

  /** Gives each question its reply, in several threads at once. */
  public StubServer(Function<JsonNode, Reply> replies) throws IOException {
    this.replies = replies;
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.setExecutor(threads);
    server.createContext("/", this::handle);
    server.start();
  }

  public URI url() {
    return URI.create("http://127.0.0.1:" + server.getAddress().getPort() + "/v1");
  }

  public List<Request> requests() {
    return requests;
  }

  @Override
  public void close() {
    closing.countDown();
    server.stop(0);
    threads.close();
  }

  public static Reply json(String body) {
    return status(200, body);
  }

  public static Reply status(int status, String body, String... header) {
    return (exchange, closing) -> {
      if (header.length > 0) {
        exchange.getResponseHeaders().set(header[0], header[1]);
      }
      byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
      exchange.sendResponseHeaders(status, bytes.length == 0 ? -1 : bytes.length);
      exchange.getResponseBody().write(bytes);
    };
  }

  /** Accepts the question and says nothing. */
  static Reply silence() {
    return (exchange, closing) -> closing.await();
  }

  /** Starts a reply and stops within. */
  static Reply silenceWithinBody() {
    return (exchange, closing) -> {
      exchange.sendResponseHeaders(200, 0);
      exchange.getResponseBody().write('{');
      exchange.getResponseBody().flush();
      closing.await();
    };
  }

  /** Writes for as long as somebody reads. */
  static Reply endless() {
    return (exchange, closing) -> {
      exchange.sendResponseHeaders(200, 0);
      byte[] spaces = " ".repeat(8192).getBytes(StandardCharsets.UTF_8);
      while (closing.getCount() > 0) {
        exchange.getResponseBody().write(spaces);
      }
    };
  }

  /** Promises more than comes before the connection ends. */
  static Reply brokenOff() {
    return (exchange, closing) -> {
      exchange.sendResponseHeaders(200, 1000);
      exchange.getResponseBody().write("{\"choices\":[".getBytes(StandardCharsets.UTF_8));
      exchange.getResponseBody().flush();
    };
  }

  private void handle(HttpExchange exchange) throws IOException {
    try (exchange;
        InputStream in = exchange.getRequestBody()) {
      JsonNode question = new JsonMapper().readTree(in.readAllBytes());
      requests.add(
          new Request(
              exchange.getRequestMethod(),
              exchange.getRequestURI().getPath(),
              exchange.getRequestHeaders().getFirst("Authorization"),
              question));
      replies.apply(question).to(exchange, closing);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
