package dev.tallrec.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.tallrec.testing.Fixtures;
import dev.tallrec.testing.OneDnnLibrary;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Commands as a user runs them, with input as users give it. */
class CommandLineTest {

  private record Outcome(int code, String out, String err) {
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

  @TempDir private Path directory;

  private static Outcome run(Object... arguments) {
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

  private static void copyDirectory(Path source, Path target) throws IOException {
    Files.createDirectories(target);
    try (Stream<Path> files = Files.list(source)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        Files.copy(file, target.resolve(file.getFileName()));
      }
    }
  }

  /** A small data set: a few of the published examples. */
  private Path smallData() throws IOException {
    List<String> examples = new ArrayList<>();
    for (int i = 0; i < 24; i++) {
      examples.add(
          "{\"instruction\":\"Will the user like it?\",\"input\":\"User Preference: \\\"A%d\\\"\\nUser Unpreference: \\nWhether the user will like the target movie \\\"B\\\"?\",\"output\":\"%s\"}"
              .formatted(i, i % 3 == 0 ? "Yes." : "No."));
    }
    Path data = Files.createDirectories(directory.resolve("data"));
    for (String part : List.of("train", "valid", "test")) {
      Files.writeString(data.resolve(part + ".json"), "[" + String.join(",\n", examples) + "]");
    }
    return data;
  }

  private Outcome tune(Path out, Object... more) throws IOException {
    List<Object> arguments =
        new ArrayList<>(
            List.of(
                "tune",
                "--data",
                smallData(),
                "--k",
                16,
                "--instruction-epochs",
                0,
                "--rec-epochs",
                2,
                "--rec-batch-size",
                8,
                "--out",
                out,
                "--threads",
                2));
    arguments.addAll(List.of(more));
    return run(arguments.toArray());
  }

  @Test
  void tunesEvaluatesAndRecommends() throws IOException {
    Path out = directory.resolve("run");
    Outcome outcome = tune(out).succeeded();
    assertThat(outcome.out)
        .contains("base, not tuned", "after rec-tuning", "share of liked items", "users unknown");
    assertThat(ImageIO.read(out.resolve("plot.png").toFile()).getWidth()).isGreaterThan(500);
    assertThat(out.resolve("rec-checkpoint")).doesNotExist();

    Path scores = directory.resolve("scores.csv");
    Outcome evaluated =
        run(
                "evaluate",
                "--data",
                directory.resolve("data"),
                "--adapter",
                out.resolve("adapter"),
                "--scores",
                scores)
            .succeeded();
    String reported = outcome.out.lines().filter(l -> l.startsWith("after rec")).findFirst().get();
    String auc = evaluated.out.lines().filter(l -> l.startsWith("this model")).findFirst().get();
    assertThat(reported).contains(auc.split("\\s+")[2]);
    assertThat(Files.readAllLines(scores))
        .hasSize(25)
        .first()
        .isEqualTo("example,user,liked,p_yes,p_no,score");

    Outcome ranked =
        run(
                "recommend",
                "--adapter",
                out.resolve("adapter"),
                "--liked",
                "Star Wars (1977)",
                "--candidate",
                "Alien (1979)",
                "--candidate",
                "Bambi (1942)")
            .succeeded();
    assertThat(ranked.out).contains("Alien (1979)", "Bambi (1942)", "p(Yes)");

    Path merged = directory.resolve("merged");
    assertThat(run("merge", "--adapter", out.resolve("adapter"), "--out", merged).succeeded().out)
        .contains(merged.toString(), "12 weights changed");
    Outcome ofMerged =
        run("evaluate", "--data", directory.resolve("data"), "--base", merged).succeeded();
    assertThat(ofMerged.out).contains(auc.split("\\s+")[2]);
    run("merge", "--adapter", out.resolve("adapter"), "--out", merged).failed("already exists");

    // As if killed when the result was written and the checkpoint was not gone yet.
    Files.createFile(Files.createDirectory(out.resolve("rec-checkpoint")).resolve("state.json"));
    assertThat(run("tune", "--resume", out).succeeded().out).contains("after rec-tuning");
    assertThat(out.resolve("rec-checkpoint")).doesNotExist();
    tune(out, "--seed", 5).failed("other settings");
  }

  @Test
  void scoresAnyNumberOfLinesAndGoesOnAfterAKill() throws IOException {
    Path input = directory.resolve("users.jsonl");
    Path output = directory.resolve("scores.jsonl");
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      lines.add("{\"id\": %d, \"liked\": [\"A\"], \"target\": \"B %d\"}".formatted(i, i));
    }
    lines.set(3, "{\"liked\": [\"A\"]}");
    lines.set(5, "{nonsense");
    lines.set(7, "{\"target\": \"B\"}");
    Files.write(input, lines);
    run("score", "--input", input, "--output", output).succeeded();
    List<String> scored = Files.readAllLines(output);
    assertThat(scored).hasSize(17).allMatch(line -> line.contains("p_yes"));
    assertThat(Files.readString(directory.resolve("scores.jsonl.bad")))
        .contains("\"line\":4", "no \\\"target\\\"", "\"line\":6", "\"line\":8");
    // A kill in the midst of writing a line.
    Files.writeString(output, String.join("\n", scored).substring(0, 900));
    run("score", "--input", input, "--output", output).succeeded();
    assertThat(Files.readAllLines(output)).isEqualTo(scored);
    assertThat(Files.readAllLines(directory.resolve("scores.jsonl.bad"))).hasSize(3);
  }

  @Test
  void scoresWhatItCanReadOfAnyBytes() throws IOException {
    Path input = directory.resolve("users.jsonl");
    Path output = directory.resolve("scores.jsonl");
    ByteArrayOutputStream lines = new ByteArrayOutputStream();
    lines.writeBytes(utf8("{\"liked\": [\"A\"], \"target\": \"B\"}\r\n"));
    lines.writeBytes(
        "{\"liked\": [\"Am\u00e9lie\"], \"target\": \"B\"}\n"
            .getBytes(StandardCharsets.ISO_8859_1));
    lines.writeBytes(
        utf8("{\"liked\": [\"" + "x".repeat(LineReader.LONGEST) + "\"], \"target\": \"B\"}\n"));
    lines.writeBytes(utf8("{\"liked\": [\"" + "x".repeat(4000) + "\"], \"target\": \"B\"}\n"));
    lines.writeBytes(utf8("{\"liked\": [\"half \\ud800\"], \"target\": \"B\"}\n"));
    lines.writeBytes(
        utf8(
            "{\"liked\": [\"Am\u00e9lie\"], \"disliked\": ["
                + "\"Long Title of a Film (1999)\", ".repeat(200)
                + "\"Last\"], \"target\": \"B\"}"));
    Files.write(input, lines.toByteArray());
    run("score", "--input", input, "--output", output).succeeded();

    JsonMapper json = new JsonMapper();
    List<JsonNode> scored = new ArrayList<>();
    for (String line : Files.readAllLines(output)) {
      scored.add(json.readTree(line));
    }
    assertThat(scored).extracting(line -> line.path("line").asInt()).containsExactly(1, 5, 6);
    assertThat(scored).allMatch(line -> line.path("score").isNumber());
    assertThat(scored.get(0).path("cut").asInt(-1)).isZero();
    assertThat(scored.get(1).path("cut").asInt(-1)).isZero();
    assertThat(scored.get(2).path("cut").asInt()).isBetween(100, 200);
    assertThat(scored.get(2).path("liked").get(0).asText()).isEqualTo("Am\u00e9lie");
    List<String> bad = Files.readAllLines(directory.resolve("scores.jsonl.bad"));
    assertThat(bad).hasSize(3).allMatch(line -> line.length() < 5000);
    assertThat(bad.get(0)).contains("\"line\":2", "not in UTF-8", "Am\ufffdlie");
    assertThat(bad.get(1)).contains("\"line\":3", "longer than 1,048,576 bytes");
    assertThat(bad.get(2)).contains("\"line\":4", "does not fit a cutoff of 512");
  }

  private static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  @Test
  void candidatesAreComparedBehindOneHistory() throws IOException {
    Path file = directory.resolve("candidates.txt");
    Files.write(file, "Am\u00e9lie (2001)\n".getBytes(StandardCharsets.ISO_8859_1));
    run("recommend", "--liked", "A", "--candidates", file)
        .failed("candidates.txt", "not in UTF-8", "iconv");

    List<Object> arguments = new ArrayList<>(List.of("recommend", "--candidates", file));
    Files.writeString(file, "Am\u00e9lie (2001)\nBambi (1942)\n");
    for (int i = 0; i < 60; i++) {
      arguments.addAll(List.of("--liked", "Liked Title %d (1999)".formatted(i)));
      arguments.addAll(List.of("--disliked", "Other Title %d (1999)".formatted(i)));
    }
    Outcome ranked = run(arguments.toArray()).succeeded();
    assertThat(ranked.err)
        .containsPattern("the \\d+ oldest of 120 titles liked and disliked are left out");
    assertThat(ranked.out).contains("Am\u00e9lie (2001)", "Bambi (1942)");

    arguments.addAll(List.of("--candidate", "x".repeat(4000)));
    run(arguments.toArray()).failed("candidate xxx", "does not fit a cutoff of 512");
  }

  @Test
  void evaluationSaysWhatTheCutoffTakes() throws IOException {
    Path data = smallData();
    Path test = data.resolve("test.json");
    String examples = Files.readString(test);
    Files.writeString(
        test, examples.replace("\\\"A0\\\"", "\\\"A%s\\\"".formatted("\\\", \\\"B".repeat(20))));
    assertThat(run("evaluate", "--data", data, "--device", "cpu", "--cutoff", 130).succeeded().out)
        .contains(
            "data test: 1 of 24 prompts lost the oldest items of their history to the cutoff of 130"
                + " tokens");
    Files.writeString(
        test, examples.replace("User Preference: \\\"A0", "x ".repeat(60) + "Of User A0"));
    assertThat(run("evaluate", "--data", data, "--device", "cpu", "--cutoff", 130).succeeded().out)
        .contains(
            "data test: 1 of 24 prompts lost the start of their input to the cutoff of 130 tokens");
    run("evaluate", "--data", data, "--cutoff", 60)
        .failed("data test, example 1: ", "does not fit");
  }

  @Test
  void dataSetsOfOneNameAreRefused() throws IOException {
    Path one = smallData();
    Path other = directory.resolve("more/data");
    copyDirectory(one, other);
    Path out = directory.resolve("run");
    run("tune", "--data", one + "," + other, "--out", out).failed("called data", "rename");
    assertThat(out).doesNotExist();
    tune(out, "--test", one + "," + other).failed("called data", "rename");
  }

  @Test
  void profilesAStep() throws IOException {
    Path trace = directory.resolve("trace.json");
    Outcome outcome = run("profile", "--examples", 2, "--trace", trace).succeeded();
    assertThat(outcome.out).contains("attentionBackward", "linear", "GFLOP/s", "tokens/s");
    assertThat(outcome.out).containsPattern("rmsNormBackward .* GB/s +[0-9.]+%");
    assertThat(outcome.out).doesNotContain("GPU");
    assertThat(new JsonMapper().readTree(trace.toFile()).path("traceEvents"))
        .hasSizeGreaterThan(50);
  }

  @Test
  void infoFailsForWantOfAGpuOnlyWhereOneIsAskedFor() {
    int none = 999;
    assertThat(run("info", "--gpu", none).succeeded().out)
        .contains("CPU, ", "GiB free", "TFLOP/s in a product of ", "no GPU: ");
    assertThat(run("info", "--gpu", none, "--device", "cuda").failed("tallrec: ").out)
        .doesNotContain("CPU, ", "no GPU: ");
    assertThat(run("info", "--gpu", none, "--device", "cpu").succeeded().out)
        .contains("CPU, ")
        .doesNotContain("no GPU: ");
  }

  @Test
  void computesOnTheCpuInF32OrBF16Alone() {
    Path missing = directory.resolve("libdnnl.so.3");
    Object[] generate = {"generate", "--prompt", "Star Wars", "--tokens", 2, "--device", "cpu"};
    run(with(generate, "--compute-type", "F16")).misused("F16 is for GPUs");
    run(with(generate, "--compute-type", "I32")).misused("F16, BF16 or F32");
    run(with(generate, "--onednn", missing)).misused("--compute-type BF16");
    run("profile", "--device", "cpu", "--compute-type", "F16").misused("F16 is for GPUs");
    run(with(generate, "--compute-type", "F32")).succeeded();
    run(with(generate, "--compute-type", "BF16", "--onednn", missing))
        .failed(missing.toString(), "not a file");
  }

  @Test
  void computesInBF16OnTheCpuWhereAsked() {
    Object[] bFloat16 = {
      "--device", "cpu", "--compute-type", "BF16", "--onednn", OneDnnLibrary.file()
    };
    assertThat(run(with(new Object[] {"profile", "--examples", 2}, bFloat16)).succeeded().out)
        .contains("products with frozen weights in BF16 by oneDNN");
    assertThat(
            run(with(new Object[] {"verify", Fixtures.golden("C_fp16_sharded_headdim")}, bFloat16))
                .succeeded()
                .out)
        .contains("all within tolerance");
  }

  private static Object[] with(Object[] arguments, Object... more) {
    return Stream.concat(Arrays.stream(arguments), Arrays.stream(more)).toArray();
  }

  @Test
  void generates() {
    Outcome outcome =
        run("generate", "--prompt", "Star Wars", "--tokens", 5, "--device", "cpu").succeeded();
    assertThat(outcome.out).startsWith("Star Wars").hasSizeGreaterThan(12);
    assertThat(outcome.err).startsWith("tallrec-mini-base; CPU, ");
    Outcome drawn =
        run("generate", "--prompt", "Star", "--tokens", 5, "--temperature", 0.8, "--seed", 3)
            .succeeded();
    assertThat(
            run("generate", "--prompt", "Star", "--tokens", 5, "--temperature", 0.8, "--seed", 3)
                .out)
        .isEqualTo(drawn.out);
    run("generate", "--prompt", "x", "--tokens", 600).failed("the model takes 512");
  }

  @Test
  void verifiesAFixtureAndSeesAChangedOne() throws IOException {
    Path golden = Fixtures.golden("A_mha_qv");
    assertThat(run("verify", golden).succeeded().out).contains("all within tolerance");
    Path changed = directory.resolve("fixture");
    copyDirectory(golden, changed);
    copyDirectory(golden.resolve("model"), changed.resolve("model"));
    copyDirectory(golden.resolve("adapter"), changed.resolve("adapter"));
    Path config = changed.resolve("model/config.json");
    Files.writeString(config, Files.readString(config).replace("1e-05", "1e-02"));
    Outcome outcome = run("verify", changed);
    assertThat(outcome.code).isEqualTo(1);
    assertThat(outcome.out).contains("FAILED", "NOT within tolerance");
    // The one that cannot be read is no reason to leave out the other.
    assertThat(run("verify", directory, golden).failed("golden.safetensors").out)
        .contains("greedy.ids")
        .endsWith("\n1 of 2 fixtures NOT verified; of what was compared: all within tolerance\n");
    assertThat(run("verify", directory).failed("golden.safetensors").out)
        .endsWith("\n1 of 1 fixtures NOT verified\n");
    assertThat(run("verify", directory, changed).failed("golden.safetensors").out)
        .endsWith("\n1 of 2 fixtures NOT verified; of what was compared: NOT within tolerance\n");
  }

  @Test
  void verifiesOperationsWithoutAFixture() {
    assertThat(run("verify", "--ops", "--device", "cpu").succeeded().out)
        .contains("in F32", "addRmsNorm", "attentionBackward", "adamW", "all within tolerance")
        .doesNotContain("FAILED", "in F16");
  }

  @Test
  void inspectsAndFindsWhatIsWrong() throws IOException {
    Path model = Fixtures.golden("C_fp16_sharded_headdim").resolve("model");
    assertThat(run("inspect", model, "--check-finite").succeeded().out)
        .contains("model.embed_tokens.weight", "F16", "nothing is wrong");
    Path broken = directory.resolve("model");
    copyDirectory(Fixtures.golden("A_mha_qv").resolve("model"), broken);
    Path config = broken.resolve("config.json");
    JsonMapper json = new JsonMapper();
    ObjectNode fields = (ObjectNode) json.readTree(config.toFile());
    fields.put("num_hidden_layers", 3);
    fields.put("intermediate_size", 100);
    Files.write(config, json.writeValueAsBytes(fields));
    Outcome outcome = run("inspect", broken, "--quiet");
    assertThat(outcome.code).isEqualTo(1);
    assertThat(outcome.out)
        .contains("missing: model.layers.2.", "misshapen: model.layers.0.mlp.gate_proj.weight");
    run("generate", "--base", broken, "--prompt", "x").failed("tokenizer");
  }

  @Test
  void namesWeightsThatAreNotNumbers() throws IOException {
    Path model = directory.resolve("model");
    copyDirectory(Fixtures.golden("A_mha_qv").resolve("model"), model);
    Path file = model.resolve("model.safetensors");
    byte[] bytes = Files.readAllBytes(file);
    // The last four bytes are a weight: a NaN.
    bytes[bytes.length - 2] = (byte) 0xC0;
    bytes[bytes.length - 1] = 0x7F;
    Files.write(file, bytes);
    Outcome outcome = run("inspect", model, "--check-finite", "--quiet");
    assertThat(outcome.code).isEqualTo(1);
    assertThat(outcome.out).contains("not finite: ");
  }

  @Test
  void plansMemoryFromAConfigurationAlone() throws IOException {
    Files.writeString(
        directory.resolve("config.json"),
        """
        {"model_type": "llama", "hidden_size": 4096, "intermediate_size": 11008, "num_attention_heads": 32,
         "num_hidden_layers": 32, "vocab_size": 32000, "rms_norm_eps": 1e-6, "hidden_act": "silu"}
        """);
    assertThat(run("plan", "--base", directory).succeeded().out)
        .contains(
            "frozen weights", "activations of", "gemm_nt_f16", "RTX 3090: at least", "tokens/s");
    Outcome unknown = run("plan", "--base", directory, "--gpu-model", "RTX 1080");
    assertThat(unknown.code).isEqualTo(2);
    assertThat(unknown.err).contains("RTX 1080", "RTX 3090");
    for (String size : List.of("1.2.3GiB", ".GiB", "24", "24MB")) {
      run("plan", "--base", directory, "--device-memory", size).misused("a number with GiB or GB");
    }
    run("plan", "--base", directory, "--lora-r", 0).misused("--lora-r 0");
    Outcome tooSmall = run("plan", "--base", directory, "--device-memory", "13GiB");
    assertThat(tooSmall.code).isEqualTo(1);
    assertThat(tooSmall.out).contains("does NOT fit");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "nosuch",
        "run --k x",
        "tune --nosuch 3",
        "recommend --liked A",
        "verify",
        "tune --resume x --k 3",
        "tune --resume x --out y",
        "evaluate --part nosuch",
        "evaluate --cutoff 1",
        "evaluate --batch-tokens 0",
        "evaluate --batch-tokens 2000000000",
        "score --input a --output b --batch-tokens -1",
        "profile --examples 0",
        "generate --prompt x --tokens 0",
        "generate --prompt x --temperature -1",
        "generate --prompt x --temperature NaN",
        "generate --prompt x --device cpu --threads 0",
        "experiment kshot --endpoint ftp://x/v1",
        "experiment kshot --endpoint http://x/v1 --endpoint-attempts 0",
        "experiment kshot --endpoint http://x/v1 --price-input -1",
        "experiment kshot --instructions a.json --adapter b"
      })
  void wrongUsageIsTwo(String line) {
    Outcome outcome = run((Object[]) (line.isEmpty() ? new String[0] : line.split(" ")));
    assertThat(outcome.code).as(outcome.err).isEqualTo(2);
    assertThat(outcome.err).contains("Usage:");
  }

  @Test
  void helpNamesEverySettingWithItsDefaults() {
    assertThat(run("tune", "--help").succeeded().out)
        .contains("--rec-learning-rate", "mini: 0.002", "paper: 1.0E-4", "--lora-target-modules");
    assertThat(run("tune", "--preset", "paper", "--show-settings").succeeded().out)
        .contains("batch_size: 128", "epochs: 200");
  }

  @Test
  void badInputIsExplained() throws IOException {
    Path data = smallData();
    run("tune", "--data", "nosuch", "--out", directory.resolve("a"))
        .failed("nosuch", "movie nor book");
    run(
            "tune",
            "--k",
            9000,
            "--instruction-epochs",
            0,
            "--data",
            data,
            "--out",
            directory.resolve("b"))
        .failed("K = 9000");
    run("tune", "--base", directory, "--out", directory.resolve("c")).failed("config.json");
    run("tune", "--rec-learning-rate", "fast", "--show-settings")
        .failed("rec.learning_rate", "fast");
    run("tune", "--lora-target-modules", "q_proj,x_proj", "--out", directory.resolve("d"))
        .failed("x_proj");
    run("evaluate", "--adapter", Fixtures.golden("A_mha_qv").resolve("adapter"))
        .failed("another base");
    Path settings = directory.resolve("settings.yaml");
    Files.writeString(settings, "rec:\n  epoch: 3\n");
    run("tune", "--settings", settings, "--show-settings").failed("settings.yaml", "rec.epoch");
    Files.writeString(settings, "rec:\n  epochs: [\n");
    run("tune", "--settings", settings, "--show-settings").failed("settings.yaml", "line");
    Files.writeString(settings, "rec:\n  epochs: 3\nk: 5\n");
    assertThat(run("tune", "--settings", settings, "--k", 7, "--show-settings").succeeded().out)
        .contains("epochs: 3", "k: 7");
    Files.writeString(data.resolve("train.json"), "[\n{\"instruction\": 3}\n]");
    run("evaluate", "--data", data).failed("train.json", "line 2");
    Files.writeString(data.resolve("train.json"), "[]");
    run("evaluate", "--data", data).failed("no examples");
  }

  @ParameterizedTest
  @CsvSource({
    "rec-batch-size, 0, rec: batch_size is 0",
    "instruction-batch-size, -4, instruction: batch_size is -4",
    "rec-validation, -1, rec: validation is -1",
    "rec-epochs, -3, rec: epochs is -3",
    "rec-learning-rate, 100, rec: learning_rate is 100.0",
    "rec-learning-rate, NaN, rec: learning_rate is NaN",
    "rec-warmup, -1, rec: warmup is -1.0",
    "rec-cutoff, 1, rec: cutoff is 1",
    "rec-evaluate-every, -1, rec: evaluate_every is -1",
    "rec-patience, -1, rec: patience is -1",
    "rec-weight-decay, -1, rec: weight_decay is -1.0",
    "rec-max-grad-norm, -1, rec: max_grad_norm is -1.0",
    "memory-micro-batch-tokens, 0, memory: micro_batch_tokens is 0",
    "memory-score-batch-tokens, 0, memory: score_batch_tokens is 0",
    "memory-saved-layers, -2, memory: saved_layers is -2",
    "k, -1, k is -1"
  })
  void settingsThatMakeNoSenseAreRefusedAtOnce(String option, String value, String named) {
    run("tune", "--" + option, value, "--show-settings").failed(named);
  }

  @Test
  void aHistoryOfNothingIsExplained() throws IOException {
    Path file = directory.resolve("ratings.csv");
    Files.writeString(file, "user,title,rating,time\nu,x,7,1\n");
    run("prepare", "csv", file, "--out", directory.resolve("out"), "--history", -1)
        .failed("--history");
  }

  @Test
  void whatAnExperimentCannotStartFromIsKnownBeforeItsFirstRun() throws IOException {
    Path out = directory.resolve("runs");
    Path instructions = directory.resolve("instructions.json");
    Files.writeString(instructions, "[{\"instruction\":\"a\",\"input\":\"\",\"output\":\"b\"}]");
    run("experiment", "table1", "--out", out, "--instructions", instructions)
        .failed("variant TALLRec", "100 of 1 examples", "instructions.json");
    run("experiment", "all", "--out", out, "--adapter", directory.resolve("nosuch"))
        .failed("variant TALLRec", "nosuch");
    run("experiment", "full", "--out", out, "--adapter", directory.resolve("nosuch"))
        .failed("no run of full", "--adapter");
    assertThat(out).doesNotExist();
  }

  @Test
  void anExampleWithoutALabelLeftIsExplained() throws IOException {
    tune(directory.resolve("run"), "--rec-cutoff", 95)
        .failed("example 1", "cutoff", "drop-cut-off");
    tune(directory.resolve("other"), "--rec-cutoff", 95, "--rec-drop-cut-off")
        .failed("no example has an answer");
    tune(directory.resolve("third"), "--rec-cutoff", 40, "--rec-train-on-inputs")
        .failed("does not fit a cutoff of 40");
  }

  @Test
  void oneClassIsExplained() throws IOException {
    Path data = smallData();
    Path test = data.resolve("test.json");
    Files.writeString(test, Files.readString(test).replace("Yes.", "No."));
    run("evaluate", "--data", data).failed("all 24 are disliked");
  }

  @Test
  void anOutputThatCannotBeWrittenIsExplained() throws IOException {
    Path blocked = directory.resolve("file");
    Files.writeString(blocked, "");
    tune(blocked.resolve("run")).failed("file");
  }

  @Test
  void preparesBooksAndSaysWhatWasLeftOut() throws IOException {
    Path raw = Files.createDirectories(directory.resolve("raw"));
    Path out = directory.resolve("books");
    run("prepare", "bookcrossing", "--raw", raw, "--out", out).failed("BX-Books.csv", "unpack");
    StringBuilder books = new StringBuilder("ISBN,Book-Title,Book-Author\n");
    StringBuilder ratings = new StringBuilder("User-ID,ISBN,Book-Rating\n7,0,9\n");
    for (int i = 0; i < 40; i++) {
      books.append("%d,Book %d,Author %d\n".formatted(i, i, i));
      ratings.append("%d,%d,%d\n".formatted(100 + i / 4, i, 1 + i % 10));
    }
    Files.writeString(raw.resolve("BX-Books.csv"), books);
    Files.writeString(raw.resolve("BX-Ratings.csv"), ratings);
    assertThat(run("prepare", "bookcrossing", "--raw", raw, "--out", out).succeeded().out)
        .contains(
            "left out: users with too few ratings (1)", "train.json: 8 ", "test.json: 1 example");
    assertThat(run("prepare").err).contains("movielens, bookcrossing or csv");
  }
}
