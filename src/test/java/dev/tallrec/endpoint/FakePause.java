package dev.tallrec.endpoint;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** Time that only passes when somebody waits. */
final class FakePause implements Pause {

  private final List<Duration> waits = new ArrayList<>();
  private long nanos;

  @Override
  public synchronized long nanos() {
    return nanos;
  }

  @Override
  public synchronized void sleep(Duration duration) {
    waits.add(duration);
    nanos += duration.toNanos();
  }

  synchronized List<Duration> waits() {
    return List.copyOf(waits);
  }
}
