package dev.tallrec;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tallrec.llama.LlamaConfig;
import dev.tallrec.llama.LlamaConfigReader;
import dev.tallrec.lora.LoraAdapter;
import dev.tallrec.lora.PeftDirectory;
import dev.tallrec.prepare.RatingsCsv;
import dev.tallrec.rec.Domain;
import dev.tallrec.rec.RecData;
import dev.tallrec.safetensors.SafetensorsModel;
import dev.tallrec.testing.Damage;
import dev.tallrec.testing.Fixtures;
import dev.tallrec.text.Tokenizer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.stream.Stream;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Files of every kind that is read, broken by chance: each version is read or refused by name. */
class HostileFilesTest {

  private static final int ROUNDS = 100;
  private static final Path STORIES = Fixtures.path("models/stories260K");
  private static final Path SHARDED = Fixtures.golden("C_fp16_sharded_headdim").resolve("model");

  @TempDir private Path directory;

  private byte[] copied(Path from, String name) throws IOException {
    return Files.readAllBytes(
        Files.copy(
            from.resolve(name), directory.resolve(name), StandardCopyOption.REPLACE_EXISTING));
  }

  private void encode() throws IOException {
    Tokenizer tokenizer = Tokenizer.read(directory);
    int[] ids = tokenizer.encode("Once upon a time, \u6771 <0x41>");
    for (int id : ids) {
      assertThat(id).isBetween(0, tokenizer.vocabSize() - 1);
    }
    assertThat(tokenizer.bos()).isBetween(0, tokenizer.vocabSize() - 1);
    assertThat(tokenizer.eos()).isBetween(0, tokenizer.vocabSize() - 1);
    assertThat(tokenizer.decode(ids)).isNotNull();
  }

  @Test
  void sentencePieceModels() throws IOException {
    byte[] whole = copied(STORIES, "tokenizer.model");
    Path file = directory.resolve("tokenizer.model");
    Damage.check(file, Damage.ofBytes(whole, ROUNDS), "tokenizer.model", this::encode);
  }

  @Test
  void tokenizersInJson() throws IOException {
    byte[] whole = copied(STORIES, "tokenizer.json");
    Path file = directory.resolve("tokenizer.json");
    Damage.check(file, Damage.ofBytes(whole, ROUNDS), "tokenizer.json", this::encode);
    Damage.check(file, Damage.ofJson(whole, 2 * ROUNDS), "tokenizer.json", this::encode);
  }

  private void describe() throws IOException {
    LlamaConfig config = LlamaConfigReader.read(directory);
    assertThat(config.parameterCount()).isPositive();
  }

  @ParameterizedTest
  @ValueSource(strings = {"A_mha_qv", "D_bf16_llama3rope"})
  void configurations(String fixture) throws IOException {
    byte[] whole = copied(Fixtures.golden(fixture).resolve("model"), "config.json");
    Path file = directory.resolve("config.json");
    Damage.check(file, Damage.ofBytes(whole, ROUNDS), "config.json", this::describe);
    Damage.check(file, Damage.ofJson(whole, 4 * ROUNDS), "config.json", this::describe);
  }

  @Test
  void adapters() throws IOException {
    Path fixture = Fixtures.golden("A_mha_qv");
    LlamaConfig base = LlamaConfigReader.read(fixture.resolve("model"));
    byte[] config = copied(fixture.resolve("adapter"), "adapter_config.json");
    byte[] weights = copied(fixture.resolve("adapter"), "adapter_model.safetensors");
    Damage.Reading reading =
        () -> {
          try (LoraAdapter adapter = PeftDirectory.read(directory, base)) {
            assertThat(adapter.pairs()).isNotEmpty();
          }
        };
    Path configFile = directory.resolve("adapter_config.json");
    // Where the two files do not belong together either may be named.
    Damage.check(configFile, Damage.ofBytes(config, ROUNDS), "adapter_", reading);
    Damage.check(configFile, Damage.ofJson(config, 4 * ROUNDS), "adapter_", reading);
    Files.write(configFile, config);
    Damage.check(
        directory.resolve("adapter_model.safetensors"),
        Damage.ofBytes(weights, ROUNDS),
        "adapter_model.safetensors",
        reading);
  }

  @Test
  void indicesOfShards() throws IOException {
    byte[] whole = copied(SHARDED, SafetensorsModel.INDEX);
    try (Stream<Path> files = Files.list(SHARDED)) {
      for (Path shard : files.filter(file -> file.toString().endsWith(".safetensors")).toList()) {
        Files.copy(shard, directory.resolve(shard.getFileName()));
      }
    }
    Damage.Reading reading =
        () -> {
          try (SafetensorsModel model = SafetensorsModel.open(directory)) {
            assertThat(model.infos()).isNotEmpty();
          }
        };
    Path file = directory.resolve(SafetensorsModel.INDEX);
    Damage.check(file, Damage.ofBytes(whole, ROUNDS), SafetensorsModel.INDEX, reading);
    Damage.check(file, Damage.ofJson(whole, ROUNDS), SafetensorsModel.INDEX, reading);
  }

  private static byte[] zipped(byte[] bytes) throws IOException {
    ByteArrayOutputStream zipped = new ByteArrayOutputStream();
    try (OutputStream out = new GZIPOutputStream(zipped)) {
      out.write(bytes);
    }
    return zipped.toByteArray();
  }

  private static final byte[] EXAMPLES =
      """
      [{"instruction": "Like it?", "input": "Liked \\"A\\", \\"B\\".", "output": "Yes."},
       {"instruction": "Like it?", "input": "Liked \\u00e9.", "output": "No.", "more": [1, {}]}]
      """
          .getBytes(StandardCharsets.UTF_8);

  private void readData() throws IOException {
    assertThat(RecData.read(directory).test()).hasSize(2);
  }

  @Test
  void examples() throws IOException {
    for (String split : new String[] {"train", "valid", "test"}) {
      Files.write(directory.resolve(split + ".json"), EXAMPLES);
    }
    Path file = directory.resolve("train.json");
    Damage.check(file, Damage.ofBytes(EXAMPLES, ROUNDS), "train.json", this::readData);
    Damage.check(file, Damage.ofJson(EXAMPLES, ROUNDS), "train.json", this::readData);
    Files.delete(file);
    byte[] zipped = zipped(EXAMPLES);
    Damage.check(
        directory.resolve("train.json.gz"),
        Damage.ofBytes(zipped, ROUNDS),
        "train.json.gz",
        this::readData);
  }

  @ParameterizedTest
  @ValueSource(strings = {"users.json.gz", "order.json.gz"})
  void filesBesideExamples(String name) throws IOException {
    byte[] users =
        "{\"train\": [1, 2], \"valid\": [2, 3], \"test\": [4, 5]}".getBytes(StandardCharsets.UTF_8);
    for (String split : new String[] {"train", "valid", "test"}) {
      Files.write(directory.resolve(split + ".json"), EXAMPLES);
    }
    Path file = directory.resolve(name);
    Damage.check(file, Damage.ofBytes(zipped(users), ROUNDS), name, this::readData);
    var versions = Damage.ofJson(users, ROUNDS);
    for (int i = 0; i < versions.size(); i++) {
      versions.set(i, zipped(versions.get(i)));
    }
    Damage.check(file, versions, name, this::readData);
  }

  @Test
  void tablesOfRatings() throws IOException {
    StringBuilder table = new StringBuilder("user,title,rating,time\n");
    for (int i = 0; i < 30; i++) {
      table.append("%d,\"Caf\u00e9, %d\",%d,%d\n".formatted(i % 2, i, i % 5, i));
    }
    byte[] whole = table.toString().getBytes(StandardCharsets.UTF_8);
    RatingsCsv csv =
        new RatingsCsv(
            new RatingsCsv.Columns("user", "title", "rating", "time"),
            ',',
            StandardCharsets.UTF_8,
            3,
            3,
            RatingsCsv.Split.USERS,
            1);
    Path file = directory.resolve("ratings.csv");
    Damage.check(
        file,
        Damage.ofBytes(whole, ROUNDS / 4),
        "ratings.csv",
        () -> csv.prepare(file, Domain.MOVIE, directory.resolve("out")));
  }
}
