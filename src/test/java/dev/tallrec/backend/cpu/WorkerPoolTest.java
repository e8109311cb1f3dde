package dev.tallrec.backend.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class WorkerPoolTest {

  private static final int TASKS = 64;

  @Test
  void anErrorOfATaskIsThrownAsItIsAndTheNextRoundRuns() {
    Error full = new OutOfMemoryError("Java heap space");
    try (WorkerPool pool = new WorkerPool(3)) {
      assertThatThrownBy(() ->
              pool.forEach(
                  TASKS,
                  (index, worker) -> {
                    if (index == TASKS / 2) {
                      throw full;
                    }
                  }))
          .isSameAs(full);
      AtomicInteger done = new AtomicInteger();
      pool.forEach(TASKS, (index, worker) -> done.incrementAndGet());
      assertThat(done).hasValue(TASKS);
    }
  }

  @Test
  void anExceptionOfATaskIsTheCause() {
    RuntimeException wrong = new IllegalArgumentException("wrong");
    try (WorkerPool pool = new WorkerPool(2)) {
      assertThatThrownBy(() ->
              pool.forEach(
                  TASKS,
                  (index, worker) -> {
                    throw wrong;
                  }))
          .isInstanceOf(IllegalStateException.class)
          .hasCause(wrong);
    }
  }
}
