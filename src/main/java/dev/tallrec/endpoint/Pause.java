package dev.tallrec.endpoint;

import java.time.Duration;

/** A clock that can be waited on: tests have one that does not really wait. */
interface Pause {

  /** The real clock. */
  Pause REAL =
      new Pause() {
        @Override
        public long nanos() {
          return System.nanoTime();
        }

        @Override
        public void sleep(Duration duration) throws InterruptedException {
          Thread.sleep(duration);
        }
      };

  /** Time since some moment in the past. */
  long nanos();

  /** Waits. */
  void sleep(Duration duration) throws InterruptedException;
}
