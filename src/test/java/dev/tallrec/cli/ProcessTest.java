package dev.tallrec.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tallrec.rec.Domain;
import dev.tallrec.testing.JavaProgram;
import dev.tallrec.text.Instruction;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What takes a process of its own: signals, a small heap, a driver that is broken. */
@EnabledOnOs(OS.LINUX)
class ProcessTest {

  private static final Duration PATIENCE = Duration.ofMinutes(2);
  private static final int TERMINATED = 128 + 15;
  private static final List<String> WITH_VECTORS =
      List.of("--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED");

  @TempDir private Path directory;

  private ProcessBuilder program(List<String> flags, List<String> arguments) {
    return new ProcessBuilder(JavaProgram.command(flags, Main.class, arguments))
        .redirectErrorStream(true)
        .redirectOutput(output().toFile());
  }

  private Path output() {
    return directory.resolve("output.txt");
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
      JavaProgram.end(parent, PATIENCE);
    }
    assertThat(parent.exitValue()).as(Files.readString(output())).isEqualTo(TERMINATED);
    assertThat(children).noneMatch(ProcessHandle::isAlive);
    assertThat(Files.readString(output()))
        .contains("stopping after this step, or batch", "Stopped and saved");
    assertThat(run.resolve("rec-checkpoint/state.json")).isNotEmptyFile();
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void numbersFollowNoLocale(boolean startsItselfAgain) throws Exception {
    Files.writeString(
        directory.resolve("config.json"),
        """
        {"model_type": "llama", "hidden_size": 4096, "intermediate_size": 11008, "num_attention_heads": 32,
         "num_hidden_layers": 32, "vocab_size": 32000, "rms_norm_eps": 1e-6, "hidden_act": "silu"}
        """);
    List<String> flags = new ArrayList<>(startsItselfAgain ? List.of() : WITH_VECTORS);
    flags.addAll(List.of("-Duser.language=de", "-Duser.country=DE"));
    Process process = program(flags, List.of("plan", "--base", directory.toString())).start();
    assertThat(JavaProgram.end(process, PATIENCE)).isZero();
    assertThat(Files.readString(output()))
        .contains("13,476,831,232 bytes", "12.551 GiB")
        .doesNotContain("12,551", "13.476");
  }

  /** As the launcher does; whoever chooses another one gets that. */
  @ParameterizedTest
  @ValueSource(strings = {"Serial", "Parallel"})
  void theProgramThatStartsItselfAgainHasOneCollector(String collector) throws Exception {
    List<String> flags = new ArrayList<>(List.of("-Xlog:gc"));
    if (!collector.equals("Serial")) {
      flags.add("-XX:+Use" + collector + "GC");
    }
    Process process = program(flags, List.of("--version")).start();
    assertThat(JavaProgram.end(process, PATIENCE)).as(Files.readString(output())).isZero();
    List<String> collectors =
        Files.readAllLines(output()).stream().filter(line -> line.contains("] Using ")).toList();
    assertThat(collectors).hasSize(2);
    assertThat(collectors.getLast()).endsWith("Using " + collector);
  }

  @Test
  void aHeapThatIsTooSmallIsExplained() throws Exception {
    List<String> flags = new ArrayList<>(WITH_VECTORS);
    flags.add("-Xmx12m");
    Process process =
        program(flags, List.of("evaluate", "--data", data().toString(), "--device", "cpu")).start();
    assertThat(JavaProgram.end(process, PATIENCE)).isEqualTo(Tallrec.FAILED);
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
    return JavaProgram.end(builder.start(), PATIENCE);
  }
}
