package dev.tallrec.backend.cpu;

import java.util.Objects;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * A fixed number of threads, the caller among them, that share out numbered tasks. Tasks write to
 * places of their own, so that results do not depend on who does which.
 *
 * <p>Threads wait for each other by spinning and then parking: unlike the JDK's barriers, which
 * make a node for each thread that waits, that leaves nothing to collect.
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

  /** Work on rows {@code from} to {@code to}, exclusive. */
  interface RowTask {
    void run(int from, int to, int worker);
  }

  private static final int SPINS = 256;

  private final int threads;
  private final Thread[] workers;
  private final AtomicInteger round = new AtomicInteger();
  private final AtomicInteger busy = new AtomicInteger();
  private final AtomicInteger next = new AtomicInteger();
  private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
  private final RowPieces rowPieces = new RowPieces();
  private volatile @Nullable Thread caller;
  private volatile @Nullable Task task;
  private volatile int count;
  private volatile boolean closed;

  WorkerPool(int threads) {
    this.threads = threads;
    workers = new Thread[threads - 1];
    for (int i = 0; i < workers.length; i++) {
      int number = i + 1;
      workers[i] =
          Thread.ofPlatform().daemon().name("tallrec-cpu-" + number).start(() -> serve(number));
    }
  }

  int threads() {
    return threads;
  }

  private void serve(int worker) {
    int done = 0;
    while (true) {
      awaitRoundAfter(done);
      done++;
      if (closed) {
        return;
      }
      work(worker);
      if (busy.decrementAndGet() == 0) {
        LockSupport.unpark(caller);
      }
    }
  }

  private void awaitRoundAfter(int done) {
    for (int spin = 0; spin < SPINS && round.get() == done; spin++) {
      Thread.onSpinWait();
    }
    while (round.get() == done) {
      LockSupport.park(this);
    }
  }

  private void awaitWorkers() {
    for (int spin = 0; spin < SPINS && busy.get() > 0; spin++) {
      Thread.onSpinWait();
    }
    while (busy.get() > 0) {
      LockSupport.park(this);
    }
  }

  private void startRound() {
    round.incrementAndGet();
    for (Thread worker : workers) {
      LockSupport.unpark(worker);
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

  /**
   * Runs tasks 0 to {@code tasks - 1} and waits for them.
   *
   * @throws Error the first that one of them threw, as it is: what full memory or a lost mapping
   *     means is known further up
   * @throws IllegalStateException if one of them threw an exception
   */
  void forEach(int tasks, Task work) {
    if (closed) {
      throw new IllegalStateException("the device is closed");
    }
    task = work;
    if (tasks == 1 || threads == 1) {
      // Read back, so that C2 does not know whose work it is: it would compile it once more as part
      // of each caller, where its budget may end before the vectors' operations are inlined.
      Task alone = Objects.requireNonNull(task);
      for (int index = 0; index < tasks; index++) {
        alone.run(index, 0);
      }
      return;
    }
    count = tasks;
    next.set(0);
    caller = Thread.currentThread();
    busy.set(workers.length);
    startRound();
    work(0);
    awaitWorkers();
    task = null;
    Throwable failed = failure.getAndSet(null);
    if (failed instanceof Error error) {
      throw error;
    }
    if (failed != null) {
      throw new IllegalStateException("a worker failed: " + failed, failed);
    }
  }

  /** Splits {@code rows} into pieces big enough to be worth a thread's attention. */
  void forRows(int rows, int rowsAtATime, RowTask work) {
    rowPieces.rows = rows;
    rowPieces.rowsAtATime = rowsAtATime;
    rowPieces.work = work;
    forEach(Math.ceilDiv(rows, rowsAtATime), rowPieces);
  }

  /** Pieces of some rows each. */
  private static final class RowPieces implements Task {
    private int rows;
    private int rowsAtATime;
    private RowTask work = (from, to, worker) -> {};

    @Override
    public void run(int index, int worker) {
      int from = index * rowsAtATime;
      work.run(from, Math.min(rows, from + rowsAtATime), worker);
    }
  }

  @Override
  public void close() {
    if (!closed) {
      closed = true;
      startRound();
    }
  }
}
