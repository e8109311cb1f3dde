package dev.tallrec.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** What a command said and returned, run within this JVM as a user runs it. */
record Outcome(int code, String out, String err) {

  /** Runs a command; arguments are taken as their strings. */
  static Outcome run(Object... arguments) {
    PrintStream out = System.out;
    PrintStream err = System.err;
    ByteArrayOutputStream outBytes = new ByteArrayOutputStream();
    ByteArrayOutputStream errBytes = new ByteArrayOutputStream();
    System.setOut(new PrintStream(outBytes, true, StandardCharsets.UTF_8));
    System.setErr(new PrintStream(errBytes, true, StandardCharsets.UTF_8));
    try {
      int code =
          Tallrec.execute(
              new StopSignal(),
              Arrays.stream(arguments).map(Object::toString).toArray(String[]::new));
      return new Outcome(
          code,
          outBytes.toString(StandardCharsets.UTF_8),
          errBytes.toString(StandardCharsets.UTF_8));
    } finally {
      System.setOut(out);
      System.setErr(err);
    }
  }

  Outcome failed(String... named) {
    assertThat(code).as(out + err).isEqualTo(1);
    assertThat(err).contains(named).doesNotContain("\tat ");
    return this;
  }

  Outcome misused(String named) {
    assertThat(code).as(out + err).isEqualTo(2);
    assertThat(err).contains(named, "Usage: ");
    return this;
  }

  Outcome succeeded() {
    assertThat(code).as(out + err).isZero();
    return this;
  }
}
