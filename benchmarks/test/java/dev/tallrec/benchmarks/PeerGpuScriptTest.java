package dev.tallrec.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** peer_gpu.py, between packages that accept everything but what they are told to fail. */
class PeerGpuScriptTest {

  private static final int SCORED = 256;
  private static final String PACKAGE =
      """
      import sys
      from unittest.mock import MagicMock
      package = MagicMock(__version__="0")
      package.no_grad = lambda: lambda function: function
      """;
  private static final String REPLACED = "sys.modules[__name__] = package\n";
  private static final String NO_GENERATION =
      "package.LlamaForCausalLM.return_value.generate.side_effect = TypeError('no such argument')\n";
  private static final String FAILING_ONCE =
      """
      model = package.get_peft_model.return_value
      model.side_effect = [RuntimeError("no such kernel")] + [MagicMock()] * 100000
      """;

  @TempDir private Path directory;

  @Test
  void aWorkThatFailsSaysWhyAndTheOthersAreTimed() throws Exception {
    assumeTrue(
        Arrays.stream(System.getenv("PATH").split(File.pathSeparator))
            .anyMatch(place -> Files.isExecutable(Path.of(place, "python3"))));
    Files.writeString(directory.resolve("torch.py"), PACKAGE + REPLACED);
    Files.writeString(directory.resolve("transformers.py"), PACKAGE + NO_GENERATION + REPLACED);
    Files.writeString(directory.resolve("peft.py"), PACKAGE + FAILING_ONCE + REPLACED);
    Path movies = directory.resolve("movies.json");
    String prompts = String.join(", ", Collections.nCopies(SCORED, "[3, 4]"));
    Files.writeString(
        movies, "{\"train\": [[3, 4]], \"answers\": [1], \"test\": [" + prompts + "]}");
    Path output = directory.resolve("output");
    ProcessBuilder builder =
        new ProcessBuilder(
                "python3",
                "peers/peer_gpu.py",
                movies.toString(),
                "--device",
                "cpu",
                "--shape",
                "MINI",
                "--rows",
                "1,2")
            .redirectOutput(output.toFile())
            .redirectError(ProcessBuilder.Redirect.INHERIT);
    builder.environment().put("PYTHONPATH", directory.toString());
    Process process = builder.start();
    if (!process.waitFor(1, TimeUnit.MINUTES)) {
      process.destroyForcibly();
    }
    assertThat(process.waitFor()).isEqualTo(1);
    List<String> failed = new ArrayList<>();
    List<String> timed = new ArrayList<>();
    for (String line : Files.readAllLines(output)) {
      JsonNode result = new JsonMapper().readTree(line);
      if (result.has("failed")) {
        failed.add(result.path("work").asText() + ": " + result.path("failed").asText());
      } else if (result.has("seconds")) {
        timed.add(result.path("work").asText());
      }
    }
    assertThat(failed)
        .containsExactly(
            "dense: RuntimeError('no such kernel')",
            "movie-score, the paper's way, 3 tokens: TypeError('no such argument')",
            "movie-score, the paper's way, 128 tokens: TypeError('no such argument')");
    assertThat(timed)
        .containsExactly(
            "dense",
            "movie-train:answers",
            "movie-train:whole",
            "movie-score",
            "dense",
            "dense",
            "movie-train:answers",
            "movie-train:whole");
  }
}
