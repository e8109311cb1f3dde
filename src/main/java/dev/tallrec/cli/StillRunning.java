package dev.tallrec.cli;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * Names what takes long while it still runs: a kernel that hangs is known only by that, since the
 * process is killed with it.
 */
final class StillRunning implements AutoCloseable {

  private final ScheduledExecutorService timer =
      Executors.newSingleThreadScheduledExecutor(Thread.ofPlatform().daemon().factory());
  private final Duration limit;
  private final Consumer<String> told;
  private Future<?> pending = CompletableFuture.completedFuture(null);

  /**
   * Nothing runs yet.
   *
   * @param limit what runs for longer is named, once
   * @param told is given the line, by another thread
   */
  StillRunning(Duration limit, Consumer<String> told) {
    this.limit = limit;
    this.told = told;
  }

  /** That runs from now on, and what ran before does no more. */
  void begin(String what) {
    pending.cancel(false);
    pending =
        timer.schedule(
            () -> told.accept("still running after %d s: %s".formatted(limit.toSeconds(), what)),
            limit.toMillis(),
            TimeUnit.MILLISECONDS);
  }

  @Override
  public void close() {
    timer.shutdownNow();
  }
}
