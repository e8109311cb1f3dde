package dev.tallrec.verify;

import dev.tallrec.lora.LoraAdapter;
import dev.tallrec.lora.LoraParameters;
import dev.tallrec.tensor.Tensor;
import dev.tallrec.train.AdamW;
import dev.tallrec.train.AdamWSettings;
import dev.tallrec.train.LossScale;
import java.io.IOException;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Compares losses, gradient norms and weights of some steps of AdamW. */
final class OptimizerChecks {

  private static final double LEARNING_RATE = 1e-3;
  private static final double MAX_GRADIENT_NORM = 1;
  // Least share of the largest gradient that any may be off by: several times what those of two
  // implementations in fp32 are.
  private static final double GRADIENT_NOISE = 1e-5;
  private static final int MOST_STEPS = 1 << 16;
  private static final String STEPS_BATCH = "right";
  private static final Pattern STEP = Pattern.compile("step(\\d+)\\.(.+)");

  private final GoldenModel golden;
  private final double gradientError;

  /**
   * Prepares comparisons.
   *
   * @param gradientError that of the batches, which have a check of their own
   */
  OptimizerChecks(GoldenModel golden, double gradientError) {
    this.golden = golden;
    this.gradientError = gradientError;
  }

  /** {@code run}, "wdW": AdamW with weight decay W. */
  List<Check> check(String run) throws IOException {
    double weightDecay;
    try {
      weightDecay = Double.parseDouble(run.substring("wd".length()));
    } catch (NumberFormatException _) {
      throw golden.fixture().problem(run + ".loss names no weight decay");
    }
    Comparison losses = new Comparison(run + ".loss");
    Comparison norms = new Comparison(run + ".grad_norm");
    Comparison steps = new Comparison(run + ".steps");
    Tensor expectedNorms = golden.fixture().floats(run + ".grad_norm", 1, MOST_STEPS);
    int count = (int) expectedNorms.shape().elementCount();
    // Before each step, and maybe after the last.
    Tensor expectedLosses = golden.fixture().floats(run + ".loss", count, count + 1);
    try (LoraAdapter adapter = golden.adapter();
        LoraParameters parameters = new LoraParameters(golden.device(), golden.config(), adapter);
        AdamW optimizer =
            new AdamW(golden.device(), parameters, AdamWSettings.withDecay(weightDecay));
        TrainingPass pass =
            new TrainingPass(
                golden,
                golden.fixture().sequences(STEPS_BATCH, golden.config().vocabSize()),
                parameters)) {
      double scale = new LossScale(golden.device().computeType()).value();
      for (int step = 1; step <= count; step++) {
        double loss = pass.run(scale);
        losses.add(
            run + ".loss " + step,
            new Comparison.Errors().add(expectedLosses.floatAt(step - 1), loss));
        double norm = optimizer.step(LEARNING_RATE, MAX_GRADIENT_NORM, scale);
        norms.add(
            run + ".grad_norm " + step,
            new Comparison.Errors().add(expectedNorms.floatAt(step - 1), norm));
        parameters.download();
        compareWeights(run, step, adapter, steps);
      }
      if (expectedLosses.shape().elementCount() > count) {
        losses.add(
            run + ".loss after",
            new Comparison.Errors().add(expectedLosses.floatAt(count), pass.run(scale)));
      }
    }
    return List.of(
        losses.check(golden.tolerance(), Double.NaN),
        norms.check(golden.tolerance(), Double.NaN),
        steps.check(golden.stepTolerance(), Double.NaN));
  }

  private void compareWeights(String run, int step, LoraAdapter adapter, Comparison comparison)
      throws IOException {
    for (String name : golden.fixture().names(run + ".step")) {
      Matcher matcher = STEP.matcher(name.substring(run.length() + 1));
      if (!matcher.matches() || Integer.parseInt(matcher.group(1)) != step) {
        continue;
      }
      for (Tensor ours : adapter.tensors()) {
        if (ours.name().equals(matcher.group(2))) {
          comparison.add(name, stepErrors(golden.fixture().floats(name, ours.shape()), ours, step));
        }
      }
    }
  }

  /**
   * What a gradient may be off by, as a share of the largest of its tensor: several times what
   * those of the batches, which have a check of their own, were.
   */
  private double gradientNoise() {
    return Math.max(GRADIENT_NOISE, 4 * gradientError);
  }

  /**
   * Errors of weights after {@code step} steps. AdamW divides gradients by their own size, so that
   * what a gradient is off by moves a weight by as much of the learning rate as it is of the
   * gradient, and where a gradient is nothing but rounding noise, up or down at random, in any two
   * correct implementations. So much is no error.
   */
  private Comparison.Errors stepErrors(Tensor expected, Tensor ours, int step) throws IOException {
    String gradientName = STEPS_BATCH + ".grad." + ours.name();
    float[] gradients =
        golden.fixture().has(gradientName)
            ? golden.fixture().floats(gradientName, ours.shape()).toFloats()
            : new float[0];
    double largest = 0;
    for (float gradient : gradients) {
      largest = Math.max(largest, Math.abs(gradient));
    }
    double noise = gradientNoise() * largest;
    Comparison.Errors errors = new Comparison.Errors();
    for (int i = 0; i < expected.shape().elementCount(); i++) {
      float right = expected.floatAt(i);
      float value = ours.floatAt(i);
      double share = i < gradients.length ? Math.min(2, noise / Math.abs(gradients[i])) : 0;
      boolean excused = Math.abs(right - value) <= share * LEARNING_RATE * step;
      errors.add(right, excused ? right : value);
    }
    return errors;
  }
}
