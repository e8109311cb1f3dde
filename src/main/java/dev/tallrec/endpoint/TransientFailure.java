package dev.tallrec.endpoint;

import java.time.Duration;

/** A failure that may be gone at the next attempt. */
final class TransientFailure extends Exception {

  private final Duration leastWait;

  TransientFailure(String message) {
    this(message, Duration.ZERO);
  }

  TransientFailure(String message, Duration leastWait) {
    super(message);
    this.leastWait = leastWait;
  }

  /** How long the server wants to be left alone. */
  Duration leastWait() {
    return leastWait;
  }
}
