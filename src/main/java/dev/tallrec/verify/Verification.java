package dev.tallrec.verify;

import dev.tallrec.backend.Device;
import dev.tallrec.llama.LlamaConfigReader;
import dev.tallrec.llama.LlamaNetwork;
import dev.tallrec.llama.LlamaWeights;
import dev.tallrec.safetensors.SafetensorsModel;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Runs everything a fixture has values for: forward, loss, backward, AdamW, greedy decoding,
 * merging.
 */
public final class Verification {

  /** Relative tolerance of fp32 values. */
  public static final double FP32_TOLERANCE = 1e-4;

  private static final String LOSS = ".loss";

  private Verification() {}

  /**
   * Compares {@code device} with the fixture.
   *
   * @return one check per group of values the fixture has
   * @throws IOException if the directory is no such fixture, or holds values this build knows
   *     nothing of
   */
  public static List<Check> run(Device device, Path directory) throws IOException {
    try (Fixture fixture = Fixture.open(directory);
        SafetensorsModel model = SafetensorsModel.open(fixture.model());
        LlamaWeights weights =
            LlamaWeights.load(device, LlamaConfigReader.read(fixture.model()), model::tensor)) {
      return run(new GoldenModel(device, fixture, model, new LlamaNetwork(device, weights)));
    }
  }

  private static List<Check> run(GoldenModel golden) throws IOException {
    Fixture fixture = golden.fixture();
    BatchChecks batches = new BatchChecks(golden);
    for (String batch : fixture.batches()) {
      batches.check(batch);
    }
    List<Check> checks = new ArrayList<>(batches.checks());
    OptimizerChecks steps = new OptimizerChecks(golden, batches.gradientError());
    for (String run : fixture.names("wd").stream().filter(name -> name.endsWith(LOSS)).toList()) {
      checks.addAll(steps.check(run.substring(0, run.length() - LOSS.length())));
    }
    if (fixture.has("greedy.ids")) {
      checks.add(GreedyCheck.of(golden, batches.logitDifference()));
    }
    MergeCheck.of(golden).ifPresent(checks::add);
    List<String> unread = fixture.unread();
    if (!unread.isEmpty()) {
      throw fixture.problem(
          "it holds %s (and %d more), which this build does not know how to check"
              .formatted(unread.getFirst(), unread.size() - 1));
    }
    if (checks.isEmpty()) {
      throw fixture.problem("it holds nothing to check");
    }
    return checks;
  }
}
