package dev.tallrec.endpoint;

/** Adds up what questions cost. */
final class Meter {

  private final EndpointSettings settings;
  private long asked;
  private long fromCache;
  private long inputTokens;
  private long outputTokens;

  Meter(EndpointSettings settings) {
    this.settings = settings;
  }

  /** Counts an answer of the server. */
  synchronized void addAsked(int input, int output) {
    asked++;
    inputTokens += input;
    outputTokens += output;
  }

  /** Counts an answer that cost nothing. */
  synchronized void addFromCache() {
    fromCache++;
  }

  /** All so far. */
  synchronized Usage usage() {
    return new Usage(
        asked, fromCache, inputTokens, outputTokens, settings.dollars(inputTokens, outputTokens));
  }
}
