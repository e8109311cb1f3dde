package dev.tallrec.cli;

import static dev.tallrec.cli.Outcome.run;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.tallrec.testing.Fixtures;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Commands about a model: what is in it, what it needs, what it says, whether it is PyTorch's. */
class ModelCommandsTest {

  @TempDir private Path directory;

  @Test
  void generates() {
    Outcome outcome =
        run("generate", "--prompt", "Star Wars", "--tokens", 5, "--device", "cpu").succeeded();
    assertThat(outcome.out()).startsWith("Star Wars").hasSizeGreaterThan(12);
    assertThat(outcome.err()).startsWith("tallrec-mini-base; CPU, ");
    Outcome drawn =
        run("generate", "--prompt", "Star", "--tokens", 5, "--temperature", 0.8, "--seed", 3)
            .succeeded();
    assertThat(
            run("generate", "--prompt", "Star", "--tokens", 5, "--temperature", 0.8, "--seed", 3)
                .out())
        .isEqualTo(drawn.out());
    run("generate", "--prompt", "x", "--tokens", 600).failed("512 in all can be computed");
  }

  @Test
  void verifiesAFixtureAndSeesAChangedOne() throws IOException {
    Path golden = Fixtures.golden("A_mha_qv");
    assertThat(run("verify", golden).succeeded().out()).contains("all within tolerance");
    Path changed = directory.resolve("fixture");
    Fixtures.copy(golden, changed);
    Path config = changed.resolve("model/config.json");
    Files.writeString(config, Files.readString(config).replace("1e-05", "1e-02"));
    Outcome outcome = run("verify", changed);
    assertThat(outcome.code()).isEqualTo(1);
    assertThat(outcome.out()).contains("FAILED", "NOT within tolerance");
    // The one that cannot be read is no reason to leave out the other.
    assertThat(run("verify", directory, golden).failed("golden.safetensors").out())
        .contains("greedy.ids")
        .endsWith("\n1 of 2 fixtures NOT verified; of what was compared: all within tolerance\n");
    assertThat(run("verify", directory).failed("golden.safetensors").out())
        .endsWith("\n1 of 1 fixtures NOT verified\n");
    assertThat(run("verify", directory, changed).failed("golden.safetensors").out())
        .endsWith("\n1 of 2 fixtures NOT verified; of what was compared: NOT within tolerance\n");
    // Nor is one whose sequences are too long for its model.
    Files.writeString(
        config,
        Files.readString(config)
            .replaceFirst("\"max_position_embeddings\": \\d+", "\"max_position_embeddings\": 16"));
    assertThat(run("verify", changed, golden).failed(changed + " is not verified", "16").out())
        .contains("greedy.ids")
        .endsWith("\n1 of 2 fixtures NOT verified; of what was compared: all within tolerance\n");
  }

  @Test
  void verifiesOperationsWithoutAFixture() {
    assertThat(run("verify", "--ops", "--device", "cpu").succeeded().out())
        .contains("in F32", "addRmsNorm", "attentionBackward", "adamW", "all within tolerance")
        .doesNotContain("FAILED", "in F16");
  }

  @Test
  void inspectsAndFindsWhatIsWrong() throws IOException {
    Path model = Fixtures.golden("C_fp16_sharded_headdim").resolve("model");
    assertThat(run("inspect", model, "--check-finite").succeeded().out())
        .contains("model.embed_tokens.weight", "F16", "nothing is wrong");
    Path broken = directory.resolve("model");
    Fixtures.copy(Fixtures.golden("A_mha_qv").resolve("model"), broken);
    Path config = broken.resolve("config.json");
    JsonMapper json = new JsonMapper();
    ObjectNode fields = (ObjectNode) json.readTree(config.toFile());
    fields.put("num_hidden_layers", 3);
    fields.put("intermediate_size", 100);
    Files.write(config, json.writeValueAsBytes(fields));
    Outcome outcome = run("inspect", broken, "--quiet");
    assertThat(outcome.code()).isEqualTo(1);
    assertThat(outcome.out())
        .contains("missing: model.layers.2.", "misshapen: model.layers.0.mlp.gate_proj.weight");
    run("generate", "--base", broken, "--prompt", "x").failed("tokenizer");
  }

  @Test
  void namesWeightsThatAreNotNumbers() throws IOException {
    Path model = directory.resolve("model");
    Fixtures.copy(Fixtures.golden("A_mha_qv").resolve("model"), model);
    Path file = model.resolve("model.safetensors");
    byte[] bytes = Files.readAllBytes(file);
    // The last four bytes are a weight: a NaN.
    bytes[bytes.length - 2] = (byte) 0xC0;
    bytes[bytes.length - 1] = 0x7F;
    Files.write(file, bytes);
    Outcome outcome = run("inspect", model, "--check-finite", "--quiet");
    assertThat(outcome.code()).isEqualTo(1);
    assertThat(outcome.out()).contains("not finite: ");
  }

  @Test
  void plansMemoryFromAConfigurationAlone() throws IOException {
    Files.writeString(
        directory.resolve("config.json"),
        """
        {"model_type": "llama", "hidden_size": 4096, "intermediate_size": 11008, "num_attention_heads": 32,
         "num_hidden_layers": 32, "vocab_size": 32000, "rms_norm_eps": 1e-6, "hidden_act": "silu"}
        """);
    assertThat(run("plan", "--base", directory).succeeded().out())
        .contains(
            "frozen weights", "activations of", "gemm_nt_f16", "RTX 3090: at least", "tokens/s");
    Outcome unknown = run("plan", "--base", directory, "--gpu-model", "RTX 1080");
    assertThat(unknown.code()).isEqualTo(2);
    assertThat(unknown.err()).contains("RTX 1080", "RTX 3090");
    for (String size : List.of("1.2.3GiB", ".GiB", "24", "24MB")) {
      run("plan", "--base", directory, "--device-memory", size).misused("a number with GiB or GB");
    }
    run("plan", "--base", directory, "--lora-r", 0).misused("--lora-r 0");
    run(
            "plan",
            "--base",
            directory,
            "--lora-r",
            1024,
            "--lora-target-modules",
            "q_proj,k_proj,v_proj,o_proj,gate_proj,up_proj,down_proj")
        .failed("2,558,525,440 parameters", "smaller r");
    Outcome tooSmall = run("plan", "--base", directory, "--device-memory", "13GiB");
    assertThat(tooSmall.code()).isEqualTo(1);
    assertThat(tooSmall.out()).contains("does NOT fit");

    Outcome large = plan("140GiB", 8);
    Matcher largest =
        Pattern.compile("largest micro-batch in 140.0 GiB: ([0-9,]+) where all")
            .matcher(large.succeeded().out());
    assertThat(largest.find()).isTrue();
    int examples = Integer.parseInt(largest.group(1).replace(",", ""));
    assertThat(examples).isGreaterThan(1023);
    plan("140GiB", examples).succeeded();
    assertThat(plan("140GiB", examples + 1).code()).isEqualTo(1);
    // As many as may be asked for.
    assertThat(plan("9000GiB", 8).succeeded().out()).contains("GiB: 1,048,576 where all");
  }

  private Outcome plan(String memory, int examples) {
    return run(
        "plan",
        "--base",
        directory,
        "--cutoff",
        16,
        "--device-memory",
        memory,
        "--micro-batch",
        examples);
  }
}
