package dev.tallrec.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class StepTimerTest {

  private static final double WARM_UP_SECONDS = 2;

  /** A line, and when it was printed. */
  private record Line(JsonNode json, long nanos) {}

  private static List<Line> run(String... arguments) throws Exception {
    List<Line> lines = new ArrayList<>();
    run(lines, arguments);
    return lines;
  }

  private static void run(List<Line> lines, String... arguments) throws Exception {
    JsonMapper mapper = new JsonMapper();
    PrintStream out = System.out;
    System.setOut(
        new PrintStream(out) {
          @Override
          public void println(@Nullable String line) {
            try {
              lines.add(new Line(mapper.readTree(line), System.nanoTime()));
            } catch (Exception e) {
              throw new AssertionError(line, e);
            }
          }
        });
    try {
      StepTimer.main(arguments);
    } finally {
      System.setOut(out);
    }
  }

  @Test
  void aWorkThatFailsSaysWhyAndTheOthersAreTimed() {
    List<Line> lines = new ArrayList<>();
    assertThatThrownBy(
            () -> run(lines, "cpu", "F32", "MINI", "dense:16:0", "no-work", "dense:16:1"))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("[dense:16:0, no-work]");
    assertThat(lines).hasSize(4);
    JsonNode none = lines.get(1).json;
    assertThat(none.path("work").asText()).isEqualTo("dense");
    assertThat(none.path("rows").asInt(-1)).isZero();
    assertThat(none.path("failed").asText()).contains("Exception");
    assertThat(lines.get(2).json.path("failed").asText()).contains("there is no work no-work");
    assertThat(lines.get(3).json.path("tokens_per_second").asDouble()).isPositive();
    assertThat(lines.get(3).json.has("failed")).isFalse();
  }

  @Test
  void timesWorksBesideTheDevicesBestWhenTheJvmIsWarm() throws Exception {
    List<Line> lines = run("cpu", "F32", "MINI", "dense:16:1", "dense:16:2");
    assertThat(lines).hasSize(3);
    JsonNode device = lines.getFirst().json;
    assertThat(device.path("device").asText()).startsWith("CPU, ");
    assertThat(device.path("ceiling_tflops").asDouble()).isPositive();
    assertThat(device.path("copy_gb_per_second").asDouble()).isPositive();
    for (int rows = 1; rows <= 2; rows++) {
      JsonNode work = lines.get(rows).json;
      assertThat(work.path("rows").asInt()).isEqualTo(rows);
      assertThat(work.path("tokens_per_second").asDouble()).isPositive();
      assertThat(work.path("model_flop_use_of_ceiling").asDouble()).isBetween(0.0, 1.0);
    }
    double first = (lines.get(1).nanos - lines.getFirst().nanos) / 1e9;
    double second = (lines.get(2).nanos - lines.get(1).nanos) / 1e9;
    assertThat(first).isGreaterThan(WARM_UP_SECONDS);
    assertThat(second).isLessThan(first);
  }
}
