package dev.tallrec.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.StringWriter;
import java.io.Writer;
import java.util.List;
import org.junit.jupiter.api.Test;

class ScoreOutputTest {

  /** As a kill: nothing of what is written arrives. */
  private static final class Lost extends Writer {
    @Override
    public void write(char[] characters, int offset, int length) throws IOException {
      throw new IOException("killed");
    }

    @Override
    public void flush() {}

    @Override
    public void close() {}
  }

  @Test
  void aKillAmongScoresLosesNoProblemOfTheLinesBeforeThem() throws IOException {
    StringWriter problems = new StringWriter();
    // Not closed: a kill does not, either.
    ScoreOutput output = new ScoreOutput(new Lost(), problems, 0, 0);
    output.problem(1, "{nonsense", new IOException("no JSON"));
    ObjectNode line = new JsonMapper().createObjectNode().put(ScoreOutput.LINE, 2);
    assertThatThrownBy(() -> output.scored(List.of(line))).hasMessage("killed");
    assertThat(problems)
        .hasToString(
            "{\"line\":1,\"problem\":\"no JSON\",\"text\":\"{nonsense\"}" + System.lineSeparator());
  }

  @Test
  void aProblemIsNotedOnce() throws IOException {
    StringWriter problems = new StringWriter();
    try (ScoreOutput output = new ScoreOutput(new StringWriter(), problems, 3, 5)) {
      output.problem(5, "x", new IOException("known"));
      output.problem(6, "y", new IOException("new"));
    }
    assertThat(problems.toString()).contains("new").doesNotContain("known");
  }
}
