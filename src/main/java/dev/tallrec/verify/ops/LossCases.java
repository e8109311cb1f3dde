package dev.tallrec.verify.ops;

import dev.tallrec.backend.AdamWStep;
import dev.tallrec.backend.Indices;
import dev.tallrec.backend.Matrix;
import dev.tallrec.tensor.DType;
import java.util.List;

/** Losses, probabilities and the optimizer. */
final class LossCases {

  private static final double TOLERANCE = 1e-5;
  private static final double NORM_TOLERANCE = 1e-6;
  private static final int STEPS = 3;

  private LossCases() {}

  static void addOdd(List<OpsCase> cases) {
    cases.add(new OpsCase("losses over 203 tokens", pair -> loss(pair, 203)));
    cases.add(new OpsCase("40,000 parameters", pair -> optimizer(pair, 40_000)));
  }

  static void addTypical(List<OpsCase> cases) {
    cases.add(new OpsCase("losses over 32,000 tokens", pair -> loss(pair, 32_000)));
    cases.add(new OpsCase("a million parameters", pair -> optimizer(pair, 1 << 20)));
  }

  private static void loss(DevicePair pair, int vocabulary) {
    Both<Matrix> logits = pair.scaled("logits", 7, vocabulary, 9);
    Both<Indices> targets = pair.indices(0, vocabulary - 1, 5, 6, 7, 8, 100);
    Both<Matrix> weights = pair.floats("weights", 7, 1);
    Both<Matrix> losses = pair.floats("losses", 7, 1).within(TOLERANCE);
    Both<Matrix> probabilities = pair.floats("probabilities", 7, 3).within(TOLERANCE);
    Both<Indices> tokens = pair.indices(4, vocabulary - 1, 0);
    pair.run(
        "tokenProbabilities",
        (ops, on) -> ops.tokenProbabilities(on.of(logits), on.of(tokens), on.of(probabilities)),
        probabilities);
    pair.run(
        "crossEntropy",
        (ops, on) ->
            ops.crossEntropy(
                on.of(logits), on.of(targets), on.of(weights), 3f, on.of(losses), null),
        losses,
        logits);
    pair.run(
        "crossEntropy",
        (ops, on) ->
            ops.crossEntropy(
                on.of(logits), on.of(targets), on.of(weights), 3f, on.of(losses), on.of(logits)),
        losses,
        logits);
  }

  private static void optimizer(DevicePair pair, int size) {
    Both<Matrix> w = pair.floats("w", 1, size).within(TOLERANCE);
    Both<Matrix> m = pair.floats("m", 1, size).within(TOLERANCE);
    Both<Matrix> v = pair.random("v", DType.F32, 1, size, 1e-3).within(TOLERANCE);
    Both<Matrix> copy = pair.random("copy", 1, size);
    // Second moments are positive.
    pair.run("fill", (ops, on) -> ops.fill(on.of(v), 1e-4f), v);
    for (int step = 1; step <= STEPS; step++) {
      Both<Matrix> g = pair.random("g", DType.F32, 1, size, 0.1);
      pair.number("sumOfSquares", NORM_TOLERANCE, (ops, on) -> ops.sumOfSquares(on.of(g)));
      AdamWStep settings = new AdamWStep(1e-2f, 0.9, 0.999, 1e-8f, 0.01f, step, 0.5f);
      pair.run(
          "adamW",
          (ops, on) -> ops.adamW(on.of(w), on.of(g), on.of(m), on.of(v), on.of(copy), settings),
          w,
          m,
          v,
          copy);
    }
  }
}
