package dev.tallrec.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tallrec.rec.Domain;
import dev.tallrec.text.Instruction;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** What takes a process of its own: signals, a small heap, a driver that is broken. */
@EnabledOnOs(OS.LINUX)
class ProcessTest {

  private static final Duration PATIENCE = Duration.ofMinutes(2);
  private static final int TERMINATED = 128 + 15;
  private static final List<String> WITH_VECTORS =
      List.of("--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED");

  @TempDir private Path directory;

  private ProcessBuilder program(List<String> flags, List<String> arguments) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(flags);
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), Main.class.getName()));
    command.addAll(arguments);
    return new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(output().toFile());
  }

  private Path output() {
    return directory.resolve("output.txt");
  }

  private static int end(Process process) throws InterruptedException {
    if (!process.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS)) {
      process.descendants().forEach(ProcessHandle::destroyForcibly);
      process.destroyForcibly();
    }
    return process.waitFor();
  }

  private void waitUntilItSays(String text, Process process)
      throws IOException, InterruptedException {
    Instant latest = Instant.now().plus(PATIENCE);
    while (!Files.readString(output()).contains(text)
        && process.isAlive()
        && Instant.now().isBefore(latest)) {
      Thread.sleep(50);
    }
    assertThat(Files.readString(output())).contains(text);
  }

  /** A data set of two questions in each part. */
  private Path data() throws IOException {
    Path data = Files.createDirectories(directory.resolve("data"));
    List<String> examples = new ArrayList<>();
    for (String answer : List.of("Yes.", "No.")) {
      Instruction example =
          Domain.MOVIE.question(List.of("A"), List.of("B"), "C " + answer, answer);
      examples.add(
          "{\"instruction\": \"%s\", \"input\": \"%s\", \"output\": \"%s\"}"
              .formatted(
                  example.instruction().replace("\"", "\\\""),
                  example.input().replace("\"", "\\\"").replace("\n", "\\n"),
                  example.output()));
    }
    for (String part : List.of("train", "valid", "test")) {
      Files.writeString(data.resolve(part + ".json"), examples.toString());
    }
    return data;
  }

  @Test
  void aKillOfTheProcessThatStartedItselfAgainStopsAndSaves() throws Exception {
    Path run = directory.resolve("run");
    // Without the flags that java -jar cannot have either; far more epochs than there is time for.
    Process parent =
        program(
                List.of(),
                List.of(
                    "tune",
                    "--data",
                    data().toString(),
                    "--k",
                    "2",
                    "--instruction-epochs",
                    "0",
                    "--rec-epochs",
                    "1000000",
                    "--rec-evaluate-every",
                    "1000000",
                    "--out",
                    run.toString(),
                    "--device",
                    "cpu"))
            .start();
    List<ProcessHandle> children;
    try {
      waitUntilItSays("layers kept", parent);
      try (Stream<ProcessHandle> descendants = parent.descendants()) {
        children = descendants.toList();
      }
      assertThat(children).hasSize(1);
      parent.destroy();
    } finally {
      end(parent);
    }
    assertThat(parent.exitValue()).as(Files.readString(output())).isEqualTo(TERMINATED);
    assertThat(children).noneMatch(ProcessHandle::isAlive);
    assertThat(Files.readString(output()))
        .contains("stopping after this step", "Stopped and saved");
    assertThat(run.resolve("rec-checkpoint/state.json")).isNotEmptyFile();
  }

  @Test
  void aHeapThatIsTooSmallIsExplained() throws Exception {
    List<String> flags = new ArrayList<>(WITH_VECTORS);
    flags.add("-Xmx12m");
    Process process =
        program(flags, List.of("evaluate", "--data", data().toString(), "--device", "cpu")).start();
    assertThat(end(process)).isEqualTo(Tallrec.FAILED);
    assertThat(Files.readString(output()))
        .contains("tallrec: the heap of ", "Java heap space", "JAVA_OPTS=-Xmx8g", "-batch-tokens")
        .doesNotContain("\tat ");
  }

  @Test
  void theCpuSaysWhyItStandsInForAGpu() throws Exception {
    Path broken = directory.resolve("libcuda.so.1");
    Files.writeString(broken, "no library");
    List<String> generate = List.of("generate", "--prompt", "Star", "--tokens", "2");
    assertThat(withDriverAt(directory, generate)).isZero();
    assertThat(Files.readString(output()))
        .contains("no GPU, the CPU stands in: ", broken.toString(), "; CPU, ");

    List<String> onGpu = new ArrayList<>(generate);
    onGpu.addAll(List.of("--gpu", "0"));
    assertThat(withDriverAt(directory, onGpu)).isEqualTo(Tallrec.FAILED);
    assertThat(Files.readString(output()))
        .contains("tallrec: ", broken.toString())
        .doesNotContain("; CPU, ");
  }

  private int withDriverAt(Path place, List<String> arguments) throws Exception {
    ProcessBuilder builder = program(WITH_VECTORS, arguments);
    builder.environment().put("LD_LIBRARY_PATH", place.toString());
    return end(builder.start());
  }
}
