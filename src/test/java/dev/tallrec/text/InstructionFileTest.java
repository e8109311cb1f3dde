package dev.tallrec.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.SequenceInputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class InstructionFileTest {

  private static List<Instruction> read(String json) throws IOException {
    return InstructionFile.read(
        new ByteArrayInputStream(json.getBytes(StandardCharsets.UTF_8)), "data.json");
  }

  @Test
  void readsExamplesAndLeavesOtherFieldsAlone() throws IOException {
    assertThat(
            read(
                """
                [{"instruction": "a", "input": "b", "output": "c", "source": {"x": [1]}},
                 {"instruction": "d", "output": "e"}]
                """))
        .containsExactly(new Instruction("a", "b", "c"), new Instruction("d", "", "e"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "[] | no examples",
        "{} | not a JSON array",
        "[1] | not an object",
        "[{`instruction`: 1}] | line 1",
        "[{`instruction`: `a`}] | output",
        "[{`instruction`: `a`, | line",
        "nonsense | line 1",
        "[{`instruction`: `a`, `output`: `b`}] [] | more behind",
        "[{`instruction`: `a`, `output`: `b`, `output`: `c`}] | uplicate"
      })
  void namesFileAndLineOfBrokenOnes(String json, String message) {
    assertThatThrownBy(() -> read(json.replace('`', '"')))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("data.json")
        .hasMessageContaining(message);
  }

  @Test
  void aZippedFileHoldsNoMoreThanHalfAGigabyte() throws IOException {
    ByteArrayOutputStream zipped = new ByteArrayOutputStream();
    try (OutputStream out = new GZIPOutputStream(zipped)) {
      out.write(" ".repeat(1 << 24).getBytes(StandardCharsets.US_ASCII));
    }
    // A gzip file may be several, one behind the other.
    InputStream several =
        new SequenceInputStream(
            Collections.enumeration(
                Collections.nCopies(33, zipped.toByteArray()).stream()
                    .map(ByteArrayInputStream::new)
                    .toList()));
    assertThatThrownBy(() -> InstructionFile.read(several, "data.json.gz"))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("data.json.gz is larger than 536870912 bytes, unzipped");
  }

  @Test
  void namesAMissingFile() {
    assertThatThrownBy(() -> InstructionFile.read(Path.of("no", "such.json")))
        .hasMessageContaining("such.json");
  }
}
