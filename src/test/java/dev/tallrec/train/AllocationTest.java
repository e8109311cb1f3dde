package dev.tallrec.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.tallrec.testing.JavaProgram;
import dev.tallrec.testing.OneDnnLibrary;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A step leaves nothing on the heap to collect, once the compiler has seen enough of them.
 *
 * <p>Which vectors it makes objects of varies from one JVM to the next, with the order in which its
 * threads come to compile what calls each other, and one JVM stays with what it has. So each try
 * has a JVM of its own: what a step allocates by itself, it allocates in all of them.
 */
class AllocationTest {

  private static final int TRIES = 6;
  private static final Duration PATIENCE = Duration.ofMinutes(2);

  @TempDir private Path directory;

  @ParameterizedTest
  @CsvSource({"A_mha_qv, 0", "A_mha_qv, 0.1", "B_gqa_all_tied, 0.1"})
  void aTrainingStepAllocatesNothing(String fixture, String dropout) throws Exception {
    assertThatNothingIsAllocated("TRAIN", "F32", fixture, dropout);
  }

  @Test
  void norDoesOneInBFloat16() throws Exception {
    assumeThat(OneDnnLibrary.file()).exists();
    assertThatNothingIsAllocated("TRAIN", "BF16", "A_mha_qv", "0.1");
  }

  @ParameterizedTest
  @ValueSource(strings = {"false", "true"})
  void aScoringPassAllocatesNothing(String cached) throws Exception {
    assertThatNothingIsAllocated("SCORE", cached);
  }

  private void assertThatNothingIsAllocated(String... step)
      throws IOException, InterruptedException {
    List<Long> bytes = new ArrayList<>();
    do {
      bytes.add(bytesPerStep(step));
    } while (bytes.getLast() > StepAllocations.BYTES_PER_STEP && bytes.size() < TRIES);
    assertThat(bytes.getLast())
        .as("bytes per step in each JVM: %s", bytes)
        .isBetween(0L, StepAllocations.BYTES_PER_STEP);
  }

  private long bytesPerStep(String... step) throws IOException, InterruptedException {
    List<String> command =
        JavaProgram.command(
            ManagementFactory.getRuntimeMXBean().getInputArguments(),
            StepAllocations.class,
            List.of(step));
    Path printed = directory.resolve("bytes.txt");
    Path errors = directory.resolve("errors.txt");
    Process process =
        new ProcessBuilder(command)
            .redirectOutput(printed.toFile())
            .redirectError(errors.toFile())
            .start();
    int status = JavaProgram.end(process, PATIENCE);
    assertThat(status).as(Files.readString(errors)).isZero();
    return Long.parseLong(Files.readString(printed).strip());
  }
}
