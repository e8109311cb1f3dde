package dev.tallrec.endpoint;

import java.io.IOException;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.Stream;

/**
 * Asks a server questions and reads how likely it answers Yes or No. Answers are kept on disk: a
 * question is paid for once. Safe for use by several threads.
 */
public final class EndpointClient implements AutoCloseable {

  private static final int CHARACTERS_PER_TOKEN = 4;
  private static final int LOCKS = 64;

  private final EndpointSettings settings;
  private final Failures failures;
  private final Transport transport;
  private final AnswerCache cache;
  private final Pause pause;
  private final Pacer pacer;
  private final Meter meter;
  private final List<ReentrantLock> locks;

  /**
   * A client that keeps its answers in {@code cacheDirectory}, which need not exist.
   *
   * @param key sent to the server and shown nowhere; a blank one is none
   * @throws IllegalArgumentException if the key holds characters that cannot be sent
   */
  public EndpointClient(EndpointSettings settings, Optional<String> key, Path cacheDirectory) {
    this(settings, key, cacheDirectory, Pause.REAL);
  }

  EndpointClient(
      EndpointSettings settings, Optional<String> key, Path cacheDirectory, Pause pause) {
    Optional<String> checked = checkedKey(key);
    this.settings = settings;
    this.failures = new Failures(settings, checked);
    this.transport = new Transport(settings, checked, failures);
    this.cache = new AnswerCache(cacheDirectory, settings);
    this.pause = pause;
    this.pacer = new Pacer(settings.requestsPerMinute(), pause);
    this.meter = new Meter(settings);
    this.locks = Stream.generate(ReentrantLock::new).limit(LOCKS).toList();
  }

  /**
   * Asks, unless the answer was kept.
   *
   * @throws EndpointException if the server gave no usable answer, or it could not be kept
   */
  public Answer ask(String prompt) throws EndpointException, InterruptedException {
    // Equal questions share a lock, so that two threads do not both pay for one.
    ReentrantLock lock = locks.get(Math.floorMod(prompt.hashCode(), LOCKS));
    lock.lockInterruptibly();
    try {
      Optional<Answer> kept = cache.find(prompt);
      if (kept.isPresent()) {
        meter.addFromCache();
        return kept.get();
      }
      cache.prepare();
      Answer answer = askServer(prompt);
      cache.keep(prompt, answer);
      return answer;
    } catch (IOException e) {
      throw new EndpointException("cannot keep answers: " + e, e);
    } finally {
      lock.unlock();
    }
  }

  /** What this client's questions have cost so far. */
  public Usage usage() {
    return meter.usage();
  }

  /**
   * About what asking {@code prompts} costs, at four characters a token: other languages than
   * English take more tokens, and so do questions that are asked again after a failure.
   */
  public Usage estimate(List<String> prompts) {
    Meter estimated = new Meter(settings);
    Set<String> seen = new HashSet<>();
    for (String prompt : prompts) {
      if (!seen.add(prompt) || cache.find(prompt).isPresent()) {
        estimated.addFromCache();
      } else {
        estimated.addAsked(estimatedTokens(prompt), RequestBody.MOST_OUTPUT_TOKENS);
      }
    }
    return estimated.usage();
  }

  /** Ends connections, also those with a question under way. */
  @Override
  public void close() {
    transport.close();
  }

  /** The server and model, without the key. */
  @Override
  public String toString() {
    return "%s, model %s".formatted(settings.address(), settings.model());
  }

  private Answer askServer(String prompt) throws EndpointException, InterruptedException {
    for (int attempt = 1; ; attempt++) {
      pacer.awaitTurn();
      try {
        return askOnce(prompt);
      } catch (TransientFailure e) {
        if (attempt == settings.attempts()) {
          throw failures.of(
              "no answer in %d attempts, the last one: %s".formatted(attempt, e.getMessage()));
        }
        pause.sleep(Backoff.after(attempt, e.leastWait(), ThreadLocalRandom.current()));
      }
    }
  }

  private Answer askOnce(String prompt)
      throws TransientFailure, EndpointException, InterruptedException {
    byte[] body = transport.post(RequestBody.of(prompt, settings));
    Optional<Reply> parsed = Reply.parse(body);
    if (parsed.isEmpty()) {
      throw new TransientFailure("no answer in JSON with choices" + failures.quote(body));
    }
    Reply reply = parsed.get();
    int input = reply.inputTokens(estimatedTokens(prompt));
    int output = reply.outputTokens(RequestBody.MOST_OUTPUT_TOKENS);
    // Before its contents are looked at: the server charges for unusable answers too.
    meter.addAsked(input, output);
    Optional<Chances> chances =
        settings.api() == Api.CHAT_TEXT ? Optional.of(reply.fromText()) : reply.fromTokens();
    if (chances.isEmpty()) {
      throw failures.of("the answer holds no log-probabilities. Set the api to CHAT_TEXT");
    }
    return new Answer(chances.get().yes(), chances.get().no(), input, output, false);
  }

  private static int estimatedTokens(String prompt) {
    return Math.ceilDiv(prompt.length(), CHARACTERS_PER_TOKEN);
  }

  private static Optional<String> checkedKey(Optional<String> key) {
    // Variables read from files often end with a line break.
    Optional<String> stripped = key.map(String::strip).filter(secret -> !secret.isEmpty());
    // Here, because the message of the JDK would hold the key.
    if (stripped.isPresent() && !stripped.get().matches("[!-~]+")) {
      throw new IllegalArgumentException(
          "the key in %s holds characters other than ASCII letters, digits and signs"
              .formatted(EndpointSettings.KEY_VARIABLE));
    }
    return stripped;
  }
}
