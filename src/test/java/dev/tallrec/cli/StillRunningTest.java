package dev.tallrec.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class StillRunningTest {

  @Test
  void namesWhatTakesLongWhileItRuns() throws InterruptedException {
    BlockingQueue<String> told = new LinkedBlockingQueue<>();
    try (StillRunning running = new StillRunning(Duration.ofMillis(1), told::add)) {
      running.begin("rope of rotation of 13");
      assertThat(told.poll(1, TimeUnit.MINUTES))
          .isEqualTo("still running after 0 s: rope of rotation of 13");
      running.begin("swiglu of rows 7 x 31");
      assertThat(told.poll(1, TimeUnit.MINUTES)).endsWith("swiglu of rows 7 x 31");
      assertThat(told).isEmpty();
    }
  }

  @Test
  void saysNothingOfWhatEndsInTime() throws InterruptedException {
    BlockingQueue<String> told = new LinkedBlockingQueue<>();
    try (StillRunning running = new StillRunning(Duration.ofSeconds(2), told::add)) {
      running.begin("rope");
      running.begin("swiglu");
      assertThat(told.poll(1, TimeUnit.MINUTES)).endsWith("swiglu");
      running.begin("add");
    }
    assertThat(told.poll(3, TimeUnit.SECONDS)).isNull();
  }
}
