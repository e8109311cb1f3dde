package dev.tallrec.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ExplanationTest {

  private static final int BYTES = 1 << 20;

  @TempDir private Path directory;

  @Test
  void aMappedFileThatShrinksIsExplained() throws IOException {
    Path file = directory.resolve("weights");
    Files.write(file, new byte[BYTES]);
    try (Arena arena = Arena.ofShared();
        FileChannel channel =
            FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      MemorySegment mapped = channel.map(FileChannel.MapMode.READ_ONLY, 0, BYTES, arena);
      channel.truncate(0);
      Throwable lost = catchThrowable(() -> mapped.toArray(ValueLayout.JAVA_BYTE));
      assertThat(lost).isInstanceOf(InternalError.class);
      assertThat(Explanation.of(lost).orElseThrow()).contains("became shorter");
    }
  }

  @Test
  void fullMemoryIsExplainedByItsKind() {
    assertThat(Explanation.of(new OutOfMemoryError("Java heap space")).orElseThrow())
        .contains("the heap of ", "JAVA_OPTS=-Xmx8g ./tallrec", "-batch-tokens");
    assertThat(Explanation.of(new OutOfMemoryError("Cannot reserve 8 bytes")).orElseThrow())
        .contains("outside of the heap", "Cannot reserve 8 bytes", "--threads");
    assertThat(Explanation.of(new StackOverflowError()).orElseThrow())
        .contains("JAVA_OPTS=-Xss16m");
  }

  @Test
  void whatIsWrappedIsExplained() {
    assertThat(Explanation.of(new UncheckedIOException(new IOException("no disk"))).orElseThrow())
        .isEqualTo("tallrec: no disk");
  }

  @Test
  void theProgramsOwnFailuresAreNotExplained() {
    assertThat(Explanation.of(new IllegalStateException("x"))).isEmpty();
    assertThat(Explanation.of(new InternalError("x"))).isEmpty();
    assertThat(Explanation.of(new ArithmeticException("no finite loss"))).isPresent();
    for (ThrowingCallable overflow :
        List.<ThrowingCallable>of(
            () -> Math.toIntExact(1L << 31),
            () -> Math.addExact(Integer.MAX_VALUE, 1),
            () -> Math.multiplyExact(1L << 62, 2),
            () -> Math.floorDiv(1, List.of().size()))) {
      assertThat(Explanation.of(catchThrowable(overflow))).isEmpty();
    }
  }
}
