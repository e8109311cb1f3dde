package dev.tallrec.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import org.junit.jupiter.api.Test;

class CounterChangeTest {

  private static boolean bytesRose(double before, double after) {
    return new CounterChange(Counters.ALLOCATED, before, after).rose();
  }

  @Test
  void bytesRiseBeyondSixtyFourAndOnePercent() {
    assertThat(bytesRose(0, 64)).isFalse();
    assertThat(bytesRose(0, 65)).isTrue();
    assertThat(bytesRose(100_000, 101_000)).isFalse();
    assertThat(bytesRose(100_000, 101_001)).isTrue();
    assertThat(bytesRose(100_000, 0)).isFalse();
  }

  @Test
  void whatIsNotBytesHasNoNoise() {
    assertThat(new CounterChange("launches per operation", 0, 1).rose()).isTrue();
    assertThat(new CounterChange("gflop per operation", 0.5, 0.504).rose()).isFalse();
    assertThat(new CounterChange("gflop per operation", 0.5, 0.506).rose()).isTrue();
  }

  @Test
  void aCounterOfOneRunOnlyIsNotCompared() {
    assertThat(CounterChange.of(Map.of("a", 1.0), Map.of("b", 2.0))).isEmpty();
  }
}
