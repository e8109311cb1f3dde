package dev.tallrec.lora;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.tallrec.llama.LlamaConfig;
import dev.tallrec.llama.LlamaConfigReader;
import dev.tallrec.llama.Projection;
import dev.tallrec.safetensors.SafetensorsFile;
import dev.tallrec.tensor.DType;
import dev.tallrec.tensor.Tensor;
import dev.tallrec.testing.Fixtures;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.FieldSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class PeftDirectoryTest {

  static final List<String> GOLDEN = Fixtures.GOLDEN;

  private static LlamaConfig config(String fixture) throws IOException {
    return LlamaConfigReader.read(Fixtures.golden(fixture).resolve("model"));
  }

  private static Path adapter(String fixture) {
    return Fixtures.golden(fixture).resolve("adapter");
  }

  @Test
  void anAdapterThatAKillLeftUnderItsOldNameIsRead(@TempDir Path directory) throws IOException {
    Path target = directory.resolve("adapter");
    Path old = directory.resolve(".adapter.tallrec-old");
    Fixtures.copy(adapter("A_mha_qv"), old);
    PeftDirectory.read(target, config("A_mha_qv")).close();
    assertThat(target).isDirectory();
    assertThat(old).doesNotExist();
    // That of a writer that is not done yet.
    Fixtures.copy(target, old);
    assertThat(PeftDirectory.readConfig(target))
        .isEqualTo(PeftDirectory.readConfig(adapter("A_mha_qv")));
    assertThat(old).isDirectory();
  }

  @ParameterizedTest
  @FieldSource("GOLDEN")
  void writesPeftsLayoutToTheKeyAndType(String fixture, @TempDir Path directory)
      throws IOException {
    Path ours = directory.resolve("adapter");
    try (LoraAdapter read = PeftDirectory.read(adapter(fixture), config(fixture))) {
      PeftDirectory.write(ours, read, "base");
    }
    try (SafetensorsFile expected =
            SafetensorsFile.open(adapter(fixture).resolve("adapter_model.safetensors"));
        SafetensorsFile written = SafetensorsFile.open(ours.resolve("adapter_model.safetensors"))) {
      assertThat(written.tensors()).hasSameSizeAs(expected.tensors());
      expected
          .tensors()
          .forEach(info -> {
            assertThat(written.contains(info.name())).as(info.name()).isTrue();
            try {
              Tensor right = expected.tensor(info.name());
              Tensor tensor = written.tensor(info.name());
              assertThat(tensor.dtype()).isEqualTo(right.dtype()).isEqualTo(DType.F32);
              assertThat(tensor.shape()).isEqualTo(right.shape());
              assertThat(tensor.toFloats()).isEqualTo(right.toFloats());
            } catch (IOException e) {
              throw new IllegalStateException(e);
            }
          });
    }
    JsonMapper json = new JsonMapper();
    JsonNode right = json.readTree(adapter(fixture).resolve("adapter_config.json").toFile());
    JsonNode written = json.readTree(ours.resolve("adapter_config.json").toFile());
    for (String field :
        List.of(
            "peft_type",
            "r",
            "lora_alpha",
            "lora_dropout",
            "use_rslora",
            "layers_to_transform",
            "bias",
            "task_type")) {
      assertThat(written.path(field)).as(field).isEqualTo(right.path(field));
    }
    assertThat(written.path("target_modules"))
        .containsExactlyInAnyOrderElementsOf(right.path("target_modules"));
    assertThat(PeftDirectory.readConfig(ours))
        .isEqualTo(PeftDirectory.readConfig(adapter(fixture)));
  }

  @Test
  void anAdapterForAnotherBaseIsRefused() {
    assertThatThrownBy(
            () -> PeftDirectory.read(adapter("A_mha_qv"), config("D_bf16_llama3rope")).close())
        .isInstanceOf(IOException.class)
        .hasMessageContaining("another base");
    assertThatThrownBy(
            () -> PeftDirectory.read(adapter("E_rslora_layers"), config("A_mha_qv")).close())
        .isInstanceOf(IOException.class)
        .hasMessageContaining("layer 2");
  }

  /** A fixture's configuration with fields set, or lists of it made longer. */
  private static JsonNode configWith(String option) throws IOException {
    JsonMapper json = new JsonMapper();
    JsonNode config = json.readTree(adapter("A_mha_qv").resolve("adapter_config.json").toFile());
    return json.readerForUpdating(config).readValue("{" + option.replace('\'', '"') + "}");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '#',
      value = {
        "'use_dora': true | use_dora",
        "'bias': 'all' | bias",
        "'peft_type': 'IA3' | peft_type",
        "'modules_to_save': ['lm_head'] | modules_to_save",
        "'rank_pattern': {'q_proj': 4.5} | rank_pattern",
        "'rank_pattern': {'q_proj': 0} | r 0",
        "'rank_pattern': {'(?=x)q_proj': 4} | rank_pattern",
        "'rank_pattern': {'(q_proj){1000}': 4} | rank_pattern",
        "'rank_pattern': ['q_proj'] | rank_pattern",
        "'alpha_pattern': {'q_proj': 'x'} | alpha_pattern",
        "'alpha_pattern': {'q_proj': -1} | lora_alpha",
        "'fan_in_fan_out': true | fan_in_fan_out",
        "'something_new': 3 | something_new",
        "'target_modules': ['lm_head'] | lm_head",
        "'target_modules': '(?=x)q_proj' | RE2",
        "'target_modules': '((q{1000}){1000}){1000}' | counts",
        "'target_modules': '((q{9}){9}){9}' | counts",
        "'target_modules': 'q{1,99999999999999999999}' | counts",
        "'rank_pattern': {'((q{1,9}){9}){9}': 4} | counts",
        "'use_rslora': 'yes' | use_rslora",
        "'target_modules': 3 | target_modules",
        "'exclude_modules': 3 | exclude_modules",
        "'exclude_modules': ['o_proj', {}] | exclude_modules",
        "'exclude_modules': '(?=x)q_proj' | RE2",
        "'target_modules': '.*q_proj', 'layers_to_transform': [1] | layers_to_transform",
        "'r': 0 | r ",
        "'r': 1025 | r 1025",
        "'r': 4.5 | r: 4.5 is not an integer",
        "'r': '8' | r: \"8\" is not a number",
        "'lora_alpha': 0 | lora_alpha 0.0 is not positive",
        "'lora_alpha': -16 | lora_alpha -16.0 is not positive",
        "'lora_alpha': null | lora_alpha",
        "'lora_dropout': 1 | lora_dropout",
        "'lora_dropout': -0.1 | lora_dropout",
        "'init_lora_weights': 'pissa' | init_lora_weights"
      })
  void optionsItLacksAreRefusedByName(String option, String named, @TempDir Path directory)
      throws IOException {
    JsonNode changed = configWith(option);
    if (changed.path("target_modules").size() == 3) {
      ((com.fasterxml.jackson.databind.node.ArrayNode) changed.path("target_modules")).remove(0);
    }
    Files.writeString(directory.resolve("adapter_config.json"), changed.toString());
    assertThatThrownBy(() -> PeftDirectory.readConfig(directory))
        .isInstanceOf(IOException.class)
        .hasMessageContaining(named)
        .hasMessageContaining("adapter_config.json");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '#',
      value = {
        "'layers_to_transform': [] | 2",
        "'layers_to_transform': [1], 'layers_pattern': ['layers'] | 1",
        "'layers_to_transform': 1, 'layers_pattern': 'layers' | 1",
        "'layers_to_transform': [0, 1], 'layers_pattern': [] | 2"
      })
  void layersAreReadAsPeftReadsThem(String option, int adapted, @TempDir Path directory)
      throws IOException {
    Files.writeString(directory.resolve("adapter_config.json"), configWith(option).toString());
    LlamaConfig base = config("A_mha_qv");
    try (LoraAdapter adapter = LoraAdapter.zeros(base, PeftDirectory.readConfig(directory))) {
      assertThat(adapter.tensors()).hasSize(2 * 2 * adapted);
    }
  }

  /** JSON of a text with ' for " and backslashes as they are meant. */
  private static JsonNode json(String text) throws IOException {
    return new JsonMapper().readTree(text.replace("\\", "\\\\").replace('\'', '"'));
  }

  /** The same adapter, its target_modules said otherwise. */
  private static Path targeting(String modules, Path directory) throws IOException {
    JsonMapper json = new JsonMapper();
    Path original = adapter("A_mha_qv");
    ObjectNode config =
        (ObjectNode) json.readTree(original.resolve("adapter_config.json").toFile());
    config.set("target_modules", json(modules));
    Files.write(directory.resolve("adapter_config.json"), json.writeValueAsBytes(config));
    Files.copy(
        original.resolve("adapter_model.safetensors"),
        directory.resolve("adapter_model.safetensors"));
    return directory;
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "['self_attn.q_proj', 'v_proj']",
        "['model.layers.0.self_attn.q_proj', 'layers.1.self_attn.q_proj', 'v_proj']",
        "'.*[qv]_proj'",
        "'.*\\.\\d{1,2}\\.self_attn\\.[qv]_proj'",
        "'(?:.*?self_attn.*?(?:k_norm|q_proj))|(?:\\bmodel\\.layers\\.[\\d]{1,}\\.self_attn\\.v_proj)'"
      })
  void targetsAreUnderstoodAsPeftUnderstandsThem(String modules, @TempDir Path directory)
      throws IOException {
    LlamaConfig base = config("A_mha_qv");
    Path written = directory.resolve("written");
    try (LoraAdapter right = PeftDirectory.read(adapter("A_mha_qv"), base);
        LoraAdapter same = PeftDirectory.read(targeting(modules, directory), base)) {
      assertThat(same.tensors().stream().map(Tensor::name).toList())
          .isEqualTo(right.tensors().stream().map(Tensor::name).toList());
      assertThat(same.projectionNames()).isEqualTo("q_proj, v_proj");
      PeftDirectory.write(written, same, "base");
      assertThat(PeftDirectory.readConfig(written)).isEqualTo(same.config());
    }
  }

  /** All of these mean q_proj and v_proj of both layers but v_proj of the first. */
  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      quoteCharacter = '#',
      value = {
        "['q_proj', 'v_proj'] ; ['layers.0.self_attn.v_proj']",
        "['q_proj', 'v_proj'] ; ['model.layers.0.self_attn.v_proj', 'lm_head', 'proj']",
        "'.*[qv]_proj' ; '.*\\.0\\..*v_proj'",
        "'all-linear' ; '.*(mlp|layers.0.self_attn.v|k_proj|o_proj).*'"
      })
  void whatIsExcludedIsNoTarget(String modules, String excluded, @TempDir Path directory)
      throws IOException {
    JsonMapper json = new JsonMapper();
    Path file = targeting(modules, directory).resolve("adapter_config.json");
    ObjectNode config = (ObjectNode) json.readTree(file.toFile());
    config.set("exclude_modules", json(excluded));
    Files.write(file, json.writeValueAsBytes(config));
    LoraConfig lora = PeftDirectory.readConfig(directory);
    for (Projection projection : Projection.values()) {
      boolean isTarget = projection == Projection.Q_PROJ || projection == Projection.V_PROJ;
      assertThat(lora.adapts(0, projection)).isEqualTo(projection == Projection.Q_PROJ);
      assertThat(lora.adapts(1, projection)).isEqualTo(isTarget);
    }
    Path written = directory.resolve("written");
    try (LoraAdapter adapter = LoraAdapter.initial(config("A_mha_qv"), lora, 1)) {
      assertThat(adapter.pairs()).hasSize(3);
      PeftDirectory.write(written, adapter, "base");
    }
    assertThat(PeftDirectory.readConfig(written)).isEqualTo(lora);
    try (LoraAdapter same = PeftDirectory.read(written, config("A_mha_qv"))) {
      assertThat(same.pairs()).hasSize(3);
    }
  }

  static List<JsonNode> patterns() throws IOException {
    try (InputStream json = PeftDirectoryTest.class.getResourceAsStream("/lora/patterns.json")) {
      return StreamSupport.stream(new JsonMapper().readTree(json).spliterator(), false).toList();
    }
  }

  private static LoraConfig configOf(JsonNode expected, Path directory) throws IOException {
    Files.write(
        directory.resolve("adapter_config.json"),
        new JsonMapper().writeValueAsBytes(expected.path("config")));
    return PeftDirectory.readConfig(directory);
  }

  @ParameterizedTest
  @MethodSource("patterns")
  void ranksAndScalesOfPatternsAreThoseOfPeft(JsonNode expected, @TempDir Path directory)
      throws IOException {
    LoraConfig lora = configOf(expected, directory);
    JsonNode modules = expected.path("modules");
    for (int layer = 0; layer < 3; layer++) {
      for (Projection projection : Projection.values()) {
        String module = projection.moduleName(layer);
        assertThat(lora.adapts(layer, projection)).as(module).isEqualTo(modules.has(module));
        if (modules.has(module)) {
          JsonNode right = modules.path(module);
          assertThat(lora.rank(layer, projection)).as(module).isEqualTo(right.path("r").intValue());
          assertThat(lora.scale(layer, projection))
              .as(module)
              .isEqualTo((float) right.path("scale").doubleValue());
        }
      }
    }
    assertThat(modules).hasSize(9);
  }

  @ParameterizedTest
  @MethodSource("patterns")
  void patternsAreWrittenAsTheyWereRead(JsonNode expected, @TempDir Path directory)
      throws IOException {
    LoraConfig lora = configOf(expected, directory);
    Path written = directory.resolve("written");
    try (LoraAdapter adapter = LoraAdapter.initial(config("E_rslora_layers"), lora, 1)) {
      PeftDirectory.write(written, adapter, "base");
      assertThat(PeftDirectory.readConfig(written)).isEqualTo(lora);
      try (LoraAdapter same = PeftDirectory.read(written, config("E_rslora_layers"))) {
        assertThat(same.tensors().stream().map(Tensor::toFloats).toList())
            .usingRecursiveComparison()
            .isEqualTo(adapter.tensors().stream().map(Tensor::toFloats).toList());
      }
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '#',
      value = {
        "['model.layers.7.self_attn.q_proj'] | names none",
        "'q_proj' | names none",
        "['q_proj'] | no place",
        "['q_proj', 'k_proj', 'v_proj'] | lacks"
      })
  void targetsThatAreNotTheFilesAreRefused(String modules, String why, @TempDir Path directory)
      throws IOException {
    LlamaConfig base = config("A_mha_qv");
    Path other = targeting(modules, directory);
    assertThatThrownBy(() -> PeftDirectory.read(other, base))
        .isInstanceOf(IOException.class)
        .hasMessageContaining(why);
  }

  @Test
  void aMissingOrBrokenAdapterIsExplained(@TempDir Path directory) throws IOException {
    assertThatThrownBy(() -> PeftDirectory.readConfig(directory))
        .hasMessageContaining("adapter_config.json");
    Files.copy(
        adapter("A_mha_qv").resolve("adapter_config.json"),
        directory.resolve("adapter_config.json"));
    Files.writeString(directory.resolve("adapter_model.bin"), "");
    assertThatThrownBy(() -> PeftDirectory.read(directory, config("A_mha_qv")).close())
        .hasMessageContaining("pickle");
    Files.writeString(directory.resolve("adapter_config.json"), "{\n \"r\": ");
    assertThatThrownBy(() -> PeftDirectory.readConfig(directory)).hasMessageContaining("line 2");
  }

  @Test
  void aNewAdapterChangesNothingAndIsReproducible() throws IOException {
    LlamaConfig config = config("A_mha_qv");
    try (LoraAdapter one = LoraAdapter.initial(config, LoraConfig.paper(), 3);
        LoraAdapter same = LoraAdapter.initial(config, LoraConfig.paper(), 3);
        LoraAdapter other = LoraAdapter.initial(config, LoraConfig.paper(), 4)) {
      double bound = 1 / Math.sqrt(config.hiddenSize());
      for (int i = 0; i < one.pairs().size(); i++) {
        assertThat(one.pairs().get(i).b().toFloats()).containsOnly(0);
        float[] a = one.pairs().get(i).a().toFloats();
        assertThat(a).isEqualTo(same.pairs().get(i).a().toFloats());
        assertThat(a).isNotEqualTo(other.pairs().get(i).a().toFloats());
        for (float value : a) {
          assertThat((double) Math.abs(value)).isLessThanOrEqualTo(bound);
        }
      }
    }
  }

  @Test
  void aNewAdapterNeedsLayersThatThereAre() throws IOException {
    LlamaConfig base = config("A_mha_qv");
    LoraConfig paper = LoraConfig.paper();
    for (int layer : new int[] {-1, base.numHiddenLayers()}) {
      LoraConfig other =
          new LoraConfig(8, 16, 0, paper.targets(), false, Optional.of(Set.of(0, layer)));
      assertThatThrownBy(() -> LoraAdapter.initial(base, other, 1).close())
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("layer " + layer);
    }
    LoraConfig last =
        new LoraConfig(
            8, 16, 0, paper.targets(), false, Optional.of(Set.of(base.numHiddenLayers() - 1)));
    try (LoraAdapter adapter = LoraAdapter.initial(base, last, 1)) {
      assertThat(adapter.pairs()).hasSize(2);
    }
  }

  @Test
  void valuesAreTakenOverFromAnAdapterOfTheSamePlacesAndRank() throws IOException {
    LlamaConfig base = config("A_mha_qv");
    TargetModules targets = LoraConfig.paper().targets();
    LoraConfig ofRank4 = new LoraConfig(4, 16, 0, targets, false, Optional.empty());
    LoraConfig ofLayer1 = new LoraConfig(8, 16, 0, targets, false, Optional.of(Set.of(1)));
    try (LoraAdapter one = LoraAdapter.initial(base, LoraConfig.paper(), 1);
        LoraAdapter other = LoraAdapter.initial(base, LoraConfig.paper(), 2);
        LoraAdapter smaller = LoraAdapter.initial(base, ofRank4, 1);
        LoraAdapter fewer = LoraAdapter.initial(base, ofLayer1, 1)) {
      other.tensors().getLast().setFloatAt(0, 3);
      one.copyFrom(other);
      for (int i = 0; i < one.tensors().size(); i++) {
        assertThat(one.tensors().get(i).toFloats()).isEqualTo(other.tensors().get(i).toFloats());
      }
      assertThatThrownBy(() -> one.copyFrom(smaller)).isInstanceOf(IllegalArgumentException.class);
      assertThatThrownBy(() -> one.copyFrom(fewer)).isInstanceOf(IllegalArgumentException.class);
      assertThatThrownBy(() -> fewer.copyFrom(one)).isInstanceOf(IllegalArgumentException.class);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"target_modules", "rank_pattern"})
  void expressionsThatAreLongOrDeepAreRefused(String field, @TempDir Path directory)
      throws IOException {
    for (String expression :
        List.of("(".repeat(257) + ")".repeat(257), "q".repeat(ModuleExpression.LONGEST + 1))) {
      JsonMapper json = new JsonMapper();
      ObjectNode config =
          (ObjectNode) json.readTree(adapter("A_mha_qv").resolve("adapter_config.json").toFile());
      if (field.equals("target_modules")) {
        config.put(field, expression);
      } else {
        config.putObject(field).put(expression, 4);
      }
      Files.write(directory.resolve("adapter_config.json"), json.writeValueAsBytes(config));
      assertThatThrownBy(() -> PeftDirectory.readConfig(directory))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("adapter_config.json: " + field)
          .hasMessageContaining("more than");
    }
  }

  @Test
  void expressionsThatAreAsLargeAsTheyMayBeAreUnderstood() {
    String deep = "(".repeat(256) + "q_proj" + ")".repeat(256);
    String long4096 = "q_proj|" + "x".repeat(ModuleExpression.LONGEST - "q_proj|".length());
    for (String expression : List.of(deep, long4096, "(q_proj){1,10}(_*){0,10}")) {
      ModuleExpression compiled = ModuleExpression.ofEnd(expression);
      assertThat(compiled.matches("model.layers.0.self_attn.q_proj")).as(expression).isTrue();
      assertThat(compiled.matches("model.layers.0.self_attn.v_proj")).as(expression).isFalse();
    }
    assertThatThrownBy(() -> ModuleExpression.ofEnd("(q_proj){1,10}(_*){0,11}"))
        .hasMessageContaining("above 100");
  }

  /** What is read back is compared by this. */
  @Test
  void expressionsAreTheSameIfTheyMatchTheSame() {
    ModuleExpression end = ModuleExpression.ofEnd("q_proj");
    assertThat(end)
        .isEqualTo(ModuleExpression.ofEnd("q_proj"))
        .hasSameHashCodeAs(ModuleExpression.ofEnd("q_proj"));
    assertThat(end).isNotEqualTo(ModuleExpression.ofEnd("v_proj"));
    assertThat(end).isNotEqualTo(ModuleExpression.ofName("q_proj"));
  }

  @Test
  void expressionsMadeByChanceAreCompiledOrRefused() {
    String alphabet = "qv_.*+?|()[]{}0129,-^$\\pdQExP<>:i";
    Random random = new Random(1);
    int compiled = 0;
    for (int round = 0; round < 4000; round++) {
      StringBuilder text = new StringBuilder();
      for (int i = random.nextInt(24); i >= 0; i--) {
        text.append(alphabet.charAt(random.nextInt(alphabet.length())));
      }
      try {
        ModuleExpression.ofName(text.toString()).matches("model.layers.0.self_attn.q_proj");
        ModuleExpression.ofEnd(text.toString()).matches("model.layers.0.self_attn.q_proj");
        compiled++;
      } catch (IllegalArgumentException refused) {
        assertThat(refused).hasMessageMatching("(?s).*(RE2|counts).*");
      }
    }
    assertThat(compiled).isBetween(400, 3600);
  }

  @Test
  void memoryIsAskedForOnlyIfTheFileFillsIt(@TempDir Path directory) throws IOException {
    Path promising = targeting("'all-linear'", directory);
    Path file = promising.resolve("adapter_config.json");
    JsonMapper json = new JsonMapper();
    ObjectNode config = (ObjectNode) json.readTree(file.toFile());
    config.put("r", LoraConfig.LARGEST_RANK);
    Files.write(file, json.writeValueAsBytes(config));
    AtomicInteger asked = new AtomicInteger();
    Supplier<Arena> memory =
        () -> {
          asked.incrementAndGet();
          return Arena.ofShared();
        };
    assertThatThrownBy(() -> PeftDirectory.read(promising, config("A_mha_qv"), memory))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("adapter_model.safetensors");
    assertThat(asked).hasValue(0);
    PeftDirectory.read(adapter("A_mha_qv"), config("A_mha_qv"), memory).close();
    assertThat(asked).hasValue(1);
  }

  /** Memory that is used up after three matrices. */
  private record SmallArena(Arena arena, AtomicInteger left) implements Arena {
    @Override
    public MemorySegment allocate(long byteSize, long byteAlignment) {
      if (left.decrementAndGet() < 0) {
        throw new OutOfMemoryError("used up");
      }
      return arena.allocate(byteSize, byteAlignment);
    }

    @Override
    public MemorySegment.Scope scope() {
      return arena.scope();
    }

    @Override
    public void close() {
      arena.close();
    }
  }

  @Test
  void anAdapterThatFindsNoMemoryLeavesNoneTaken() throws IOException {
    LlamaConfig base = config("A_mha_qv");
    Arena memory = new SmallArena(Arena.ofShared(), new AtomicInteger(3));
    assertThatThrownBy(() -> PeftDirectory.read(adapter("A_mha_qv"), base, () -> memory))
        .isInstanceOf(OutOfMemoryError.class);
    assertThat(memory.scope().isAlive()).isFalse();
  }
}
