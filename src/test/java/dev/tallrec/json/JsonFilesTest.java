package dev.tallrec.json;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class JsonFilesTest {

  @TempDir private Path directory;

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{'a': 1, 'a': 2} | uplicate",
        "{'a': {'b': 1, 'b': 2}} | uplicate",
        "{'a': 1} {'b': 2} | railing",
        "{'a': 1 | line 1",
        "[1] | object",
        "null | object",
        "'' | object"
      })
  void onlyOneObjectWithoutRepetitionsIsRead(String json, String why) throws IOException {
    Path file = directory.resolve("a.json");
    Files.writeString(file, json.replace('\'', '"'));
    assertThatThrownBy(() -> JsonFiles.readObject(file, 100, "a letter"))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("a.json")
        .hasMessageContaining(why);
  }

  @Test
  void whatIsMissingOrADirectoryIsNamed() {
    assertThatThrownBy(() -> JsonFiles.readObject(directory.resolve("none"), 100, "a letter"))
        .hasMessageContaining("none does not exist");
    assertThatThrownBy(() -> JsonFiles.readObject(directory, 100, "a letter"))
        .hasMessageContaining(directory + " does not exist or is not a file");
  }

  @Test
  void textOfNoEncodingIsNamed() throws IOException {
    Path file = directory.resolve("a.json");
    Files.write(file, new byte[] {0, 0, 0, '{', 0x7f, 0, 0, 0});
    assertThatThrownBy(() -> JsonFiles.readObject(file, 100, "a letter"))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("a.json");
  }

  @Test
  void noMoreThanTheLimitIsRead() throws IOException {
    Path file = directory.resolve("a.json");
    Files.writeString(file, "{\"a\": 1}");
    assertThat(JsonFiles.readObject(file, 8, "a letter").path("a").asInt()).isEqualTo(1);
    assertThatThrownBy(() -> JsonFiles.readObject(file, 7, "a letter"))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("a.json is larger than 7 bytes: not a letter");
  }

  @Test
  void bytesThatAreTakenSinglyOrSkippedCountToo() throws IOException {
    byte[] bytes = "twelve bytes".getBytes(StandardCharsets.US_ASCII);
    try (InputStream in =
        JsonFiles.plain(new ByteArrayInputStream(bytes), "a.json", 12, "a letter")) {
      assertThat(in.read()).isEqualTo('t');
      assertThat(in.skip(6)).isEqualTo(6);
      assertThat(in.readNBytes(5)).asString(StandardCharsets.US_ASCII).isEqualTo("bytes");
      assertThat(in.read()).isEqualTo(-1);
    }
    try (InputStream in =
        JsonFiles.plain(new ByteArrayInputStream(bytes), "a.json", 2, "a letter")) {
      assertThat(in.read()).isEqualTo('t');
      assertThat(in.read()).isEqualTo('w');
      assertThatThrownBy(in::read).hasMessageContaining("larger than 2 bytes");
    }
    try (InputStream in =
        JsonFiles.plain(new ByteArrayInputStream(bytes), "a.json", 2, "a letter")) {
      assertThatThrownBy(() -> in.skip(3)).hasMessageContaining("larger than 2 bytes");
    }
  }

  @Test
  void theLimitIsThatOfWhatComesOutOfAGzipFile() throws IOException {
    ByteArrayOutputStream zipped = new ByteArrayOutputStream();
    try (OutputStream out = new GZIPOutputStream(zipped)) {
      out.write(" ".repeat(100_000).getBytes(StandardCharsets.US_ASCII));
      out.write("{}".getBytes(StandardCharsets.US_ASCII));
    }
    byte[] bytes = zipped.toByteArray();
    assertThat(bytes.length).isLessThan(1000);
    assertThat(
            JsonFiles.readObject(new ByteArrayInputStream(bytes), "a.json.gz", 100_002, "a letter"))
        .isEmpty();
    assertThatThrownBy(() ->
            JsonFiles.readObject(new ByteArrayInputStream(bytes), "a.json.gz", 100_001, "a letter"))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("a.json.gz is larger than 100001 bytes, unzipped");
  }

  @Test
  void manySmallValuesAreRefusedBeforeTheyFillTheMemory() {
    byte[] bytes =
        ("{\"a\": [" + "[],".repeat(2_200_000) + "1]}").getBytes(StandardCharsets.US_ASCII);
    assertThatThrownBy(() ->
            JsonFiles.readObject(new ByteArrayInputStream(bytes), "a.json", 1 << 25, "a letter"))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("a.json")
        .hasMessageContaining("oken");
  }
}
