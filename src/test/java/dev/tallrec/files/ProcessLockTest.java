package dev.tallrec.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ProcessLockTest {

  @TempDir private Path directory;

  /** Takes a lock in a process of its own and says how that went. */
  public static final class Other {
    private Other() {}

    public static void main(String[] arguments) {
      try (ProcessLock _ = ProcessLock.take(Path.of(arguments[0]), Path.of(arguments[1]))) {
        System.out.print("taken");
      } catch (IOException e) {
        System.out.print(e.getMessage());
      }
    }
  }

  private String otherProcess(Path file) throws IOException, InterruptedException {
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                Other.class.getName(),
                file.toString(),
                directory.toString())
            .redirectErrorStream(true)
            .start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor(1, TimeUnit.MINUTES)).isTrue();
    return said;
  }

  @Test
  void anotherProcessIsRefusedUntilItIsGivenUp() throws IOException, InterruptedException {
    Path file = directory.resolve("run").resolve(".lock");
    try (ProcessLock _ = ProcessLock.take(file, directory)) {
      assertThat(otherProcess(file)).startsWith(directory + " is in use: another process");
    }
    assertThat(otherProcess(file)).isEqualTo("taken");
  }

  @Test
  void soIsThisProcessWhichKeepsTheLockThatItHas() throws IOException, InterruptedException {
    Path file = directory.resolve(".lock");
    try (ProcessLock _ = ProcessLock.take(file, directory)) {
      assertThatThrownBy(() -> ProcessLock.take(file, directory).close())
          .isInstanceOf(IOException.class)
          .hasMessageContaining(directory + " is in use");
      assertThat(otherProcess(file)).contains("is in use");
    }
    ProcessLock.take(file, directory).close();
  }
}
