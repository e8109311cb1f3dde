package dev.tallrec.endpoint;

import java.time.Duration;

/** Spaces requests evenly, for servers that count them by the minute. */
final class Pacer {

  private static final double NANOS_PER_MINUTE = 60e9;

  private final Pause pause;
  private final long interval;
  private long nextTurn;

  Pacer(double requestsPerMinute, Pause pause) {
    this.pause = pause;
    this.interval = (long) (NANOS_PER_MINUTE / requestsPerMinute);
    this.nextTurn = pause.nanos();
  }

  /** Returns when the caller may send. */
  void awaitTurn() throws InterruptedException {
    long wait = takeTurn();
    if (wait > 0) {
      pause.sleep(Duration.ofNanos(wait));
    }
  }

  /** Turns are given out under the lock but waited for outside, so that threads wait together. */
  private synchronized long takeTurn() {
    long now = pause.nanos();
    // A difference, because nanos may overflow.
    long wait = Math.max(0, nextTurn - now);
    nextTurn = now + wait + interval;
    return wait;
  }
}
