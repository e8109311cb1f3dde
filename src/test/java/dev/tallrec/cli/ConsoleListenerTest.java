package dev.tallrec.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class ConsoleListenerTest {

  @Test
  void whatGoesBesideResultsIsNotAmongThem() {
    PrintStream out = System.out;
    PrintStream err = System.err;
    ByteArrayOutputStream results = new ByteArrayOutputStream();
    ByteArrayOutputStream beside = new ByteArrayOutputStream();
    System.setOut(new PrintStream(results, true, StandardCharsets.UTF_8));
    System.setErr(new PrintStream(beside, true, StandardCharsets.UTF_8));
    try {
      ConsoleListener.besideResults().message("progress");
      ConsoleListener.standard().message("a run");
    } finally {
      System.setOut(out);
      System.setErr(err);
    }
    assertThat(beside.toString(StandardCharsets.UTF_8)).isEqualToIgnoringNewLines("progress");
    assertThat(results.toString(StandardCharsets.UTF_8)).isEqualToIgnoringNewLines("a run");
  }
}
