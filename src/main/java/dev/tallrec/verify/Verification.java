package dev.tallrec.verify;

import dev.tallrec.backend.Device;
import dev.tallrec.llama.Adapter;
import dev.tallrec.llama.LlamaConfig;
import dev.tallrec.llama.LlamaConfigReader;
import dev.tallrec.llama.LlamaNetwork;
import dev.tallrec.llama.LlamaWeights;
import dev.tallrec.llama.Projection;
import dev.tallrec.llama.TextGenerator;
import dev.tallrec.llama.TokenBatch;
import dev.tallrec.llama.Workspace;
import dev.tallrec.llama.WorkspacePlan;
import dev.tallrec.lora.LoraAdapter;
import dev.tallrec.lora.LoraMerge;
import dev.tallrec.lora.LoraPair;
import dev.tallrec.lora.LoraParameters;
import dev.tallrec.lora.PeftDirectory;
import dev.tallrec.safetensors.SafetensorsModel;
import dev.tallrec.tensor.DType;
import dev.tallrec.tensor.Tensor;
import dev.tallrec.train.AdamW;
import dev.tallrec.train.LossScale;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Runs everything a fixture has values for: forward, loss, backward, AdamW, greedy decoding,
 * merging.
 */
public final class Verification {

  /** Relative tolerance of fp32 values. */
  public static final double FP32_TOLERANCE = 1e-4;

  // Half precision: 51 times eps of the type, what rounding of some tens of operations in a row is
  // in all. PyTorch's own gradients are off by as much as 0.018 and 0.198 in small random models.
  private static final double FP16_TOLERANCE = 2.5e-2;
  private static final double BF16_TOLERANCE = 2e-1;
  private static final double LEARNING_RATE = 1e-3;
  private static final double BETA1 = 0.9;
  private static final double BETA2 = 0.999;
  private static final double EPSILON = 1e-8;
  private static final double MAX_GRADIENT_NORM = 1;
  // Least share of the largest gradient that any may be off by: several times what those of two
  // implementations in fp32 are.
  private static final double GRADIENT_NOISE = 1e-5;
  private static final int MOST_STEPS = 1 << 16;
  private static final String STEPS_BATCH = "right";
  private static final Pattern STEP = Pattern.compile("step(\\d+)\\.(.+)");

  private final Device device;
  private final Fixture fixture;
  private final SafetensorsModel model;
  private final LlamaConfig config;
  private final LlamaNetwork network;
  private final List<Check> checks = new ArrayList<>();
  private double logitDifference;
  private double gradientError;

  private Verification(
      Device device, Fixture fixture, SafetensorsModel model, LlamaWeights weights) {
    this.device = device;
    this.fixture = fixture;
    this.model = model;
    this.config = weights.config();
    this.network = new LlamaNetwork(device, weights);
  }

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
      return new Verification(device, fixture, model, weights).run();
    }
  }

  private List<Check> run() throws IOException {
    for (String batch : fixture.batches()) {
      checkBatch(batch);
    }
    for (String run : fixture.names("wd").stream().filter(n -> n.endsWith(".loss")).toList()) {
      checkSteps(run.substring(0, run.length() - ".loss".length()));
    }
    if (fixture.has("greedy.ids")) {
      checkGreedy();
    }
    checkMerged();
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

  private double tolerance() {
    return switch (device.productType()) {
      case F32 -> FP32_TOLERANCE;
      case F16 -> FP16_TOLERANCE;
      default -> BF16_TOLERANCE;
    };
  }

  /** In half precision AdamW divides by a size of the gradient that is off as well. */
  private double stepTolerance() {
    return device.productType() == DType.F32 ? tolerance() : 2 * tolerance();
  }

  private void checkBatch(String batch) throws IOException {
    List<Fixture.Sequence> sequences = fixture.sequences(batch, config.vocabSize());
    try (LoraAdapter adapter = PeftDirectory.read(fixture.adapter(), config);
        LoraParameters parameters = new LoraParameters(device, config, adapter)) {
      double noise = fixture.noise(batch, "logits", "max_logit");
      if (fixture.has(batch + ".logits")) {
        checkLogits(batch, ".logits", sequences, parameters, noise);
      }
      if (fixture.has(batch + ".base_logits")) {
        checkLogits(batch, ".base_logits", sequences, Adapter.NONE, noise);
      }
      if (fixture.has(batch + ".loss")) {
        checkGradients(batch, sequences, parameters);
      }
    }
  }

  /**
   * In half precision: twice what PyTorch's own half precision is off by, where the fixture knows
   * it.
   */
  private double logitTolerance(String batch) throws IOException {
    String loose = "loose." + batch + ".logits";
    if (!fixture.has(loose)) {
      return tolerance();
    }
    double off =
        new Comparison(loose)
            .add(
                fixture.logits(batch + ".logits", batch, config.vocabSize()),
                fixture.logits(loose, batch, config.vocabSize()))
            .check(0, 0)
            .error();
    if (device.productType() == DType.F32) {
      return FP32_TOLERANCE;
    }
    // PyTorch computed in the type that the weights are stored in; BF16 is coarser than F16.
    boolean coarser =
        device.productType() == DType.BF16
            && model.tensor(Projection.Q_PROJ.weightName(0)).dtype() == DType.F16;
    return coarser ? tolerance() : 2 * off;
  }

  private void checkLogits(
      String batchName,
      String kind,
      List<Fixture.Sequence> sequences,
      Adapter adapter,
      double noise)
      throws IOException {
    String name = batchName + kind;
    Tensor expected = fixture.logits(name, batchName, config.vocabSize());
    int tokens = sequences.stream().mapToInt(sequence -> sequence.ids().length).sum();
    int vocab = config.vocabSize();
    WorkspacePlan plan = WorkspacePlan.forInference(config, tokens, sequences.size());
    Comparison.Errors errors = new Comparison.Errors();
    try (Workspace workspace = new Workspace(device, config, adapter, plan);
        Arena arena = Arena.ofShared()) {
      TokenBatch batch = new TokenBatch(tokens, sequences.size());
      for (Fixture.Sequence sequence : sequences) {
        batch.addForAllLogits(sequence.ids(), 0, sequence.ids().length);
      }
      MemorySegment logits = arena.allocate((long) tokens * vocab * Float.BYTES, Float.BYTES);
      network.logits(workspace, batch, null, logits);
      long ours = 0;
      for (Fixture.Sequence sequence : sequences) {
        long first = (long) sequence.firstRow() * vocab;
        for (long i = 0; i < (long) sequence.ids().length * vocab; i++) {
          errors.add(
              expected.floatAt(first + i), logits.getAtIndex(ValueLayout.JAVA_FLOAT, ours++));
        }
      }
    }
    logitDifference = Math.max(logitDifference, errors.largest());
    checks.add(new Comparison(name).add(name, errors).check(logitTolerance(batchName), noise));
  }

  private void checkGradients(
      String batch, List<Fixture.Sequence> sequences, LoraParameters parameters)
      throws IOException {
    try (Pass pass = new Pass(sequences, parameters);
        Arena arena = Arena.ofShared()) {
      double scale = new LossScale(device.computeType()).value();
      double loss = pass.run(scale);
      checks.add(lossCheck(batch + ".loss", loss, fixture.noise(batch, "loss", "")));
      List<Tensor> gradients = parameters.downloadGradients(arena);
      if (fixture.names(batch + ".grad.").isEmpty()) {
        return;
      }
      Comparison comparison = new Comparison(batch + ".grad");
      for (Tensor gradient : gradients) {
        for (long i = 0; i < gradient.shape().elementCount(); i++) {
          gradient.setFloatAt(i, (float) (gradient.floatAt(i) / scale));
        }
        comparison.add(
            fixture.floats(batch + ".grad." + gradient.name(), gradient.shape()), gradient);
      }
      Check check = comparison.check(tolerance(), fixture.noise(batch, "grad", "max_grad"));
      gradientError = Math.max(gradientError, check.error());
      checks.add(check);
    }
  }

  private Check lossCheck(String name, double loss, double noise) throws IOException {
    double expected = fixture.floats(name, 1, 1).floatAt(0);
    Comparison.Errors errors = new Comparison.Errors().add(expected, loss);
    return new Comparison(name).add(name, errors).check(tolerance(), noise / expected);
  }

  /** {@code run}, "wdW": AdamW with weight decay W. */
  private void checkSteps(String run) throws IOException {
    double weightDecay;
    try {
      weightDecay = Double.parseDouble(run.substring("wd".length()));
    } catch (NumberFormatException _) {
      throw fixture.problem(run + ".loss names no weight decay");
    }
    Comparison losses = new Comparison(run + ".loss");
    Comparison norms = new Comparison(run + ".grad_norm");
    Comparison steps = new Comparison(run + ".steps");
    Tensor expectedNorms = fixture.floats(run + ".grad_norm", 1, MOST_STEPS);
    int count = (int) expectedNorms.shape().elementCount();
    // Before each step, and maybe after the last.
    Tensor expectedLosses = fixture.floats(run + ".loss", count, count + 1);
    try (LoraAdapter adapter = PeftDirectory.read(fixture.adapter(), config);
        LoraParameters parameters = new LoraParameters(device, config, adapter);
        AdamW optimizer = new AdamW(device, parameters, BETA1, BETA2, EPSILON, weightDecay);
        Pass pass = new Pass(fixture.sequences(STEPS_BATCH, config.vocabSize()), parameters)) {
      double scale = new LossScale(device.computeType()).value();
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
    checks.add(losses.check(tolerance(), Double.NaN));
    checks.add(norms.check(tolerance(), Double.NaN));
    checks.add(steps.check(stepTolerance(), Double.NaN));
  }

  private void compareWeights(String run, int step, LoraAdapter adapter, Comparison comparison)
      throws IOException {
    for (String name : fixture.names(run + ".step")) {
      Matcher matcher = STEP.matcher(name.substring(run.length() + 1));
      if (!matcher.matches() || Integer.parseInt(matcher.group(1)) != step) {
        continue;
      }
      for (Tensor ours : adapter.tensors()) {
        if (ours.name().equals(matcher.group(2))) {
          comparison.add(name, stepErrors(fixture.floats(name, ours.shape()), ours, step));
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
        fixture.has(gradientName)
            ? fixture.floats(gradientName, ours.shape()).toFloats()
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

  /**
   * Compares greedy tokens, up to where two were as likely as each other for this device: where its
   * logits, each as far off as the batches' were at most, can put the second before the first.
   */
  private void checkGreedy() throws IOException {
    int[] prompt = fixture.tokens("greedy.prompt_ids", config.vocabSize());
    int[] expected = fixture.tokens("greedy.ids", config.vocabSize());
    double[] margins = greedyMargins(expected.length);
    try (LoraAdapter adapter = PeftDirectory.read(fixture.adapter(), config);
        LoraParameters parameters = new LoraParameters(device, config, adapter);
        TextGenerator generator =
            new TextGenerator(network, parameters, prompt.length + expected.length)) {
      int[] ours = generator.greedy(prompt, expected.length, _ -> false);
      int compared = 0;
      int different = 0;
      while (compared < expected.length) {
        boolean same = ours[compared] == expected[compared];
        if (!same && margins[compared] <= 2 * logitDifference) {
          break;
        }
        different += same ? 0 : 1;
        compared++;
      }
      checks.add(new Check("greedy.ids", compared, different, 0, Double.NaN, "greedy.ids"));
    }
  }

  /** By how much the likeliest logit was above the next; infinite where the fixture is silent. */
  private double[] greedyMargins(int tokens) throws IOException {
    double[] margins = new double[tokens];
    Arrays.fill(margins, Double.POSITIVE_INFINITY);
    if (fixture.has("greedy.margin")) {
      Tensor margin = fixture.floats("greedy.margin", tokens, tokens);
      for (int i = 0; i < tokens; i++) {
        margins[i] = margin.floatAt(i);
      }
    }
    return margins;
  }

  private void checkMerged() throws IOException {
    List<String> names = fixture.names("merged.");
    if (names.isEmpty()) {
      return;
    }
    Comparison comparison = new Comparison("merged");
    try (LoraAdapter adapter = PeftDirectory.read(fixture.adapter(), config);
        Arena arena = Arena.ofShared()) {
      for (String name : names) {
        String target = name.substring("merged.".length());
        for (LoraPair pair : adapter.pairs()) {
          if (pair.projection().weightName(pair.layer()).equals(target)) {
            Tensor merged =
                LoraMerge.merge(
                    model.tensor(target),
                    pair,
                    adapter.config().scale(pair.layer(), pair.projection()),
                    DType.F32,
                    arena);
            comparison.add(fixture.floats(name, merged.shape()), merged);
          }
        }
      }
    }
    checks.add(comparison.check(FP32_TOLERANCE, Double.NaN));
  }

  /** Forward and backward over all sequences as one packed micro-batch. */
  private final class Pass implements AutoCloseable {
    private final TokenBatch batch;
    private final Workspace workspace;

    Pass(List<Fixture.Sequence> sequences, LoraParameters parameters) {
      int tokens = sequences.stream().mapToInt(sequence -> sequence.ids().length).sum();
      batch = new TokenBatch(tokens, sequences.size());
      for (Fixture.Sequence sequence : sequences) {
        int length = sequence.ids().length;
        batch.addExample(sequence.ids(), sequence.isLabel(), 0, length, TokenBatch.NO_PREFIX, 1);
      }
      workspace =
          new Workspace(
              device,
              config,
              parameters,
              WorkspacePlan.forTraining(
                  config, tokens, sequences.size(), config.numHiddenLayers()));
    }

    /** Adds scaled gradients of the mean loss, which is returned unscaled. */
    double run(double scale) {
      float gradientScale = (float) (scale / batch.labelWeight());
      return network.lossAndGradients(workspace, batch, gradientScale, 0, 0) / batch.labelWeight();
    }

    @Override
    public void close() {
      workspace.close();
    }
  }
}
