package dev.tallrec.safetensors;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tallrec.tensor.DType;
import dev.tallrec.tensor.Shape;
import dev.tallrec.tensor.Tensor;
import dev.tallrec.testing.Fixtures;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Files from outside: what keeps the format's rules is read, what breaks one is refused with its
 * name.
 */
class SafetensorsTest {

  @TempDir private Path directory;
  private Path file;

  @BeforeEach
  void choose() {
    file = directory.resolve("model.safetensors");
  }

  private void write(String header, int dataBytes) throws IOException {
    byte[] json = header.getBytes(StandardCharsets.UTF_8);
    ByteBuffer bytes =
        ByteBuffer.allocate(8 + json.length + dataBytes).order(ByteOrder.LITTLE_ENDIAN);
    bytes.putLong(json.length).put(json);
    Files.write(file, bytes.array());
  }

  @Test
  void readsBackWhatItWrites() throws IOException {
    try (Arena arena = Arena.ofShared()) {
      Tensor a = Tensor.ofFloats(arena, "a", Shape.of(2, 3), 1, 2, 3, 4, 5, 6);
      Tensor b = Tensor.allocate(arena, "b", DType.F16, Shape.of(3));
      b.setFloatAt(1, -0.5f);
      Tensor empty = Tensor.allocate(arena, "empty", DType.F32, Shape.of(0, 7));
      SafetensorsWriter.write(file, Map.of("format", "pt"), List.of(a, b, empty));
      Tensor mapped;
      try (SafetensorsFile read = SafetensorsFile.open(file)) {
        // The wide types first, or values would lie at odd addresses.
        assertThat(read.tensors()).extracting(TensorInfo::name).containsExactly("a", "empty", "b");
        assertThat(read.metadata()).containsEntry("format", "pt");
        mapped = read.tensor("a");
        assertThat(read.tensor("a").toFloats()).containsExactly(1, 2, 3, 4, 5, 6);
        assertThat(read.tensor("b").toFloats()).containsExactly(0, -0.5f, 0);
        assertThat(read.tensor("empty").shape()).isEqualTo(Shape.of(0, 7));
        assertThatThrownBy(() -> read.tensor("c")).hasMessageContaining("no tensor c");
      }
      assertThat(mapped.segment().scope().isAlive()).isFalse();
    }
  }

  @Test
  void writesTheBytesOfTheReferenceImplementation() throws IOException {
    Path theirs = Fixtures.golden("A_mha_qv").resolve("adapter/adapter_model.safetensors");
    try (SafetensorsFile read = SafetensorsFile.open(theirs)) {
      List<Tensor> tensors = new ArrayList<>();
      for (TensorInfo info : read.tensors().reversed()) {
        tensors.add(read.tensor(info.name()));
      }
      SafetensorsWriter.write(file, read.metadata(), tensors);
    }
    assertThat(Files.mismatch(file, theirs)).isEqualTo(-1);
  }

  /** As LLaMA-7B's weights are; a file is written in pieces of 64 MiB. */
  @Test
  void tensorsOfMoreThanAPieceAreWrittenWhole() throws IOException {
    try (Arena arena = Arena.ofShared()) {
      Tensor large = Tensor.allocate(arena, "large", DType.F32, Shape.of(17, 1 << 20));
      for (long i = 0; i < large.shape().elementCount(); i += 1009) {
        large.setFloatAt(i, (float) i);
      }
      SafetensorsWriter.write(file, Map.of(), List.of(large));
      try (SafetensorsFile read = SafetensorsFile.open(file)) {
        assertThat(read.tensor("large").segment().mismatch(large.segment())).isEqualTo(-1);
      }
    }
  }

  @Test
  void aCopyTakesOnlyValuesOfTheSameTypeAndShape() throws IOException {
    Path target = directory.resolve("copy.safetensors");
    Files.writeString(target, "old");
    try (Arena arena = Arena.ofShared()) {
      Tensor tensor = Tensor.ofFloats(arena, "a", Shape.of(2), 1, 2);
      SafetensorsWriter.write(file, Map.of(), List.of(tensor));
      try (SafetensorsFile source = SafetensorsFile.open(file)) {
        for (Tensor other :
            List.of(
                Tensor.allocate(arena, "a", DType.F16, Shape.of(2)),
                Tensor.allocate(arena, "a", DType.I32, Shape.of(2)),
                Tensor.allocate(arena, "a", DType.F32, Shape.of(2, 1)))) {
          assertThatThrownBy(
                  () -> SafetensorsWriter.copy(source, target, (info, own) -> Optional.of(other)))
              .isInstanceOf(IllegalArgumentException.class)
              .hasMessageContaining("does not replace");
          assertThat(target).hasContent("old");
        }
      }
    }
  }

  @Test
  void aFileMayHoldNothing() throws IOException {
    write("{}", 0);
    try (SafetensorsFile read = SafetensorsFile.open(file)) {
      assertThat(read.tensors()).isEmpty();
    }
  }

  private static String emptyTensors(int count) {
    StringBuilder header = new StringBuilder("{");
    for (int i = 0; i < count; i++) {
      header
          .append(i == 0 ? "" : ",")
          .append("\"t")
          .append(i)
          .append("\":{\"dtype\":\"F32\",\"shape\":[0,1],\"data_offsets\":[0,0]}");
    }
    return header.append('}').toString();
  }

  @Test
  void noHeaderFillsTheMemory() throws IOException {
    write(emptyTensors(100_000), 0);
    try (SafetensorsFile read = SafetensorsFile.open(file)) {
      assertThat(read.tensors()).hasSize(100_000);
    }
    write(emptyTensors(200_000), 0);
    assertThatThrownBy(() -> SafetensorsFile.open(file))
        .isInstanceOf(SafetensorsException.class)
        .hasMessageContaining(file + ": the header is larger")
        .hasMessageContaining("2097152");
  }

  @Test
  void listsTypesItDoesNotKnowAndRefusesOnlyTheirUse() throws IOException {
    write("{\"x\":{\"dtype\":\"F4\",\"shape\":[2],\"data_offsets\":[0,1]}}", 1);
    try (SafetensorsFile read = SafetensorsFile.open(file)) {
      assertThat(read.tensors()).extracting(TensorInfo::dtype).containsExactly("F4");
      assertThatThrownBy(() -> read.tensor("x")).hasMessageContaining("F4");
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '#',
      value = {
        "{'x':{'dtype':'F32','shape':[2],'data_offsets':[0,4]}} | 4 | x",
        "{'x':{'dtype':'F32','shape':[1],'data_offsets':[0,4]}} | 8 | ",
        "{'x':{'dtype':'F32','shape':[1],'data_offsets':[4,8]}} | 8 | ",
        "{'x':{'dtype':'F32','shape':[1],'data_offsets':[0,4]},'y':{'dtype':'F32','shape':[1],'data_offsets':[2,6]}} | 6 | ",
        "{'x':{'dtype':'F32','shape':[1],'data_offsets':[0,4]},'y':{'dtype':'F32','shape':[1],'data_offsets':[8,12]}} | 12 | ",
        "{'x':{'dtype':'F32','shape':[1],'data_offsets':[0,4]},'x':{'dtype':'F32','shape':[1],'data_offsets':[4,8]}} | 8 | uplicate",
        "{'x':{'dtype':'F32','shape':[1],'data_offsets':[0,40]}} | 4 | x",
        "{'x':{'dtype':'F32','shape':[1],'data_offsets':[4,0]}} | 4 | x",
        "{'x':{'dtype':'F32','shape':[-1],'data_offsets':[0,4]}} | 4 | x",
        "{'x':{'dtype':'F32','shape':[4294967296,4294967296,4294967297],'data_offsets':[0,4]}} | 4 | x",
        "{'x':{'dtype':'F32','shape':[9223372036854775807],'data_offsets':[0,4]}} | 4 | x",
        "{'x':{'dtype':'F32','shape':[1.5],'data_offsets':[0,4]}} | 4 | x",
        "{'x':{'dtype':'F32','shape':[1]}} | 4 | x",
        "{'x':{'dtype':7,'shape':[1],'data_offsets':[0,4]}} | 4 | x",
        "{'x':5} | 4 | x",
        "[] | 0 | ",
        "{'x':{'dtype':'F32','shape':[1],'data_offsets':[0,4]} | 4 | "
      })
  void refusesHeadersThatLie(String header, int dataBytes, String named) throws IOException {
    write(header.replace('\'', '"'), dataBytes);
    assertThatThrownBy(() -> SafetensorsFile.open(file).close())
        .isInstanceOf(SafetensorsException.class)
        .hasMessageContaining("model.safetensors")
        .hasMessageContaining(named == null ? "" : named);
  }

  @Test
  void refusesTextThatIsNoUtf8() throws IOException {
    byte[] bytes = new byte[12];
    bytes[0] = 4;
    bytes[8] = '{';
    bytes[9] = (byte) 0xC3;
    bytes[10] = (byte) 0x28;
    bytes[11] = '}';
    Files.write(file, bytes);
    assertThatThrownBy(() -> SafetensorsFile.open(file)).hasMessageContaining("UTF-8");
  }

  @Test
  void refusesAFileCutOffAnywhere() throws IOException {
    byte[] whole =
        Files.readAllBytes(
            Fixtures.golden("A_mha_qv").resolve("adapter/adapter_model.safetensors"));
    for (int length = 0; length < whole.length; length += length < 2000 ? 1 : 97) {
      Files.write(file, Arrays.copyOf(whole, length));
      assertThatThrownBy(() -> SafetensorsFile.open(file).close())
          .as("cut to " + length)
          .isInstanceOf(SafetensorsException.class);
    }
  }

  @Test
  void neverReadsOutsideTheFileWhateverTheHeaderSays() throws IOException {
    byte[] whole =
        Files.readAllBytes(
            Fixtures.golden("A_mha_qv").resolve("adapter/adapter_model.safetensors"));
    Random random = new Random(1);
    for (int round = 0; round < 3000; round++) {
      byte[] broken = whole.clone();
      for (int i = 0; i < 3; i++) {
        broken[random.nextInt(700)] = (byte) random.nextInt(256);
      }
      Files.write(file, broken);
      try (SafetensorsFile read = SafetensorsFile.open(file)) {
        for (TensorInfo info : read.tensors()) {
          if (DType.named(info.dtype()).filter(DType::isWeight).isPresent()) {
            read.tensor(info.name()).toFloats();
          }
        }
      } catch (SafetensorsException expected) {
        assertThat(expected).hasMessageContaining("model.safetensors");
      }
    }
  }

  @Test
  void explainsGitLfsPointers() throws IOException {
    Files.writeString(file, "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n");
    assertThatThrownBy(() -> SafetensorsFile.open(file)).hasMessageContaining("git lfs pull");
  }

  @ParameterizedTest
  @CsvSource({"../x.safetensors", "/etc/passwd", "a\\\\b", "..", "missing.safetensors"})
  void shardsMustLieInTheDirectory(String shard) throws IOException {
    Files.writeString(
        directory.resolve("model.safetensors.index.json"),
        "{\"weight_map\": {\"x\": \"" + shard + "\"}}");
    assertThatThrownBy(() -> SafetensorsModel.open(directory).close())
        .isInstanceOf(SafetensorsException.class)
        .hasMessageContaining("index.json");
  }

  @Test
  void theIndexMustBeRight() throws IOException {
    write("{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4);
    Path shard = directory.resolve("shard.safetensors");
    Files.move(file, shard);
    Path index = directory.resolve("model.safetensors.index.json");
    Files.writeString(index, "{\"weight_map\": {\"y\": \"shard.safetensors\"}}");
    assertThatThrownBy(() -> SafetensorsModel.open(directory).close())
        .hasMessageContaining("y is in");
    Files.writeString(index, "{\n\"weight_map\": {,");
    assertThatThrownBy(() -> SafetensorsModel.open(directory).close())
        .hasMessageContaining("line 2");
    Files.writeString(index, "{\"weight_map\": {\"x\": \"shard.safetensors\"}}");
    Tensor mapped;
    try (SafetensorsModel model = SafetensorsModel.open(directory)) {
      assertThat(model.names()).containsExactly("x");
      mapped = model.tensor("x");
    }
    assertThat(mapped.segment().scope().isAlive()).isFalse();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{'weight_map': {'x': 'a'}, 'weight_map': {'x': 'b'}} | uplicate",
        "{'weight_map': {'x': '\\ud800'}} | plain file names",
        "['weight_map'] | object"
      })
  void indicesAreReadStrictly(String index, String why) throws IOException {
    Files.writeString(directory.resolve("model.safetensors.index.json"), index.replace('\'', '"'));
    assertThatThrownBy(() -> SafetensorsModel.open(directory).close())
        .isInstanceOf(IOException.class)
        .hasMessageContaining("model.safetensors.index.json")
        .hasMessageContaining(why);
  }

  @Test
  void anIndexIsNoLargerThanOneEverIs() throws IOException {
    Files.writeString(directory.resolve("model.safetensors.index.json"), " ".repeat((1 << 22) + 1));
    assertThatThrownBy(() -> SafetensorsModel.open(directory).close())
        .isInstanceOf(IOException.class)
        .hasMessageContaining("index.json is larger than 4194304 bytes");
  }
}
