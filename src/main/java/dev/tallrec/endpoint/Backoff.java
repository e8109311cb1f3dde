package dev.tallrec.endpoint;

import java.time.Duration;
import java.util.random.RandomGenerator;

/** Waits that double from failure to failure. */
final class Backoff {

  private static final long FIRST_MILLIS = 1000;
  private static final int MOST_DOUBLINGS = 6;

  private Backoff() {}

  /**
   * How long to wait after a failure.
   *
   * @param failures how many there were, from 1
   * @param least what the server asked for
   */
  static Duration after(int failures, Duration least, RandomGenerator random) {
    long full = FIRST_MILLIS << Math.min(failures - 1, MOST_DOUBLINGS);
    // Clients that failed together must not come back together.
    Duration jittered = Duration.ofMillis(random.nextLong(full / 2, full + 1));
    return jittered.compareTo(least) < 0 ? least : jittered;
  }
}
