package dev.tallrec.backend.cpu;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Phaser;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * A fixed number of threads, the caller among them, that share out numbered tasks. Tasks write to
 * places of their own, so that results do not depend on who does which.
 */
final class WorkerPool implements AutoCloseable {

  /** A piece of work. */
  interface Task {
    /**
     * Does piece {@code index}.
     *
     * @param worker number of the thread, for scratch memory of its own
     */
    void run(int index, int worker);
  }

  private final int threads;
  private final Phaser start = new Phaser(1);
  private final Phaser end = new Phaser(1);
  private final AtomicInteger next = new AtomicInteger();
  private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
  private final List<Thread> workers = new ArrayList<>();
  private volatile @Nullable Task task;
  private volatile int count;
  private volatile boolean closed;

  WorkerPool(int threads) {
    this.threads = threads;
    for (int worker = 1; worker < threads; worker++) {
      start.register();
      end.register();
      int number = worker;
      workers.add(
          Thread.ofPlatform().daemon().name("tallrec-cpu-" + worker).start(() -> serve(number)));
    }
  }

  int threads() {
    return threads;
  }

  private void serve(int worker) {
    while (true) {
      start.arriveAndAwaitAdvance();
      if (closed) {
        return;
      }
      work(worker);
      end.arriveAndAwaitAdvance();
    }
  }

  private void work(int worker) {
    Task current = task;
    if (current == null) {
      return;
    }
    try {
      for (int index = next.getAndIncrement(); index < count; index = next.getAndIncrement()) {
        current.run(index, worker);
      }
    } catch (RuntimeException | Error e) {
      failure.compareAndSet(null, e);
    }
  }

  /** Runs tasks 0 to {@code tasks - 1} and waits for them. */
  void forEach(int tasks, Task work) {
    if (closed) {
      throw new IllegalStateException("the device is closed");
    }
    if (tasks == 1 || threads == 1) {
      for (int index = 0; index < tasks; index++) {
        work.run(index, 0);
      }
      return;
    }
    task = work;
    count = tasks;
    next.set(0);
    start.arriveAndAwaitAdvance();
    work(0);
    end.arriveAndAwaitAdvance();
    task = null;
    Throwable failed = failure.getAndSet(null);
    if (failed != null) {
      throw new IllegalStateException("a worker failed: " + failed, failed);
    }
  }

  /** Splits {@code rows} into pieces big enough to be worth a thread's attention. */
  void forRows(int rows, int rowsAtATime, RowTask work) {
    forEach(
        Math.ceilDiv(rows, rowsAtATime),
        (index, worker) ->
            work.run(index * rowsAtATime, Math.min(rows, (index + 1) * rowsAtATime), worker));
  }

  /** Work on rows {@code from} to {@code to}, exclusive. */
  interface RowTask {
    void run(int from, int to, int worker);
  }

  @Override
  public void close() {
    if (!closed) {
      closed = true;
      start.arriveAndDeregister();
    }
  }
}
