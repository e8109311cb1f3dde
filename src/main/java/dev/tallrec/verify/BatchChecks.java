package dev.tallrec.verify;

import dev.tallrec.llama.Adapter;
import dev.tallrec.llama.Projection;
import dev.tallrec.llama.TokenBatch;
import dev.tallrec.llama.Workspace;
import dev.tallrec.llama.WorkspacePlan;
import dev.tallrec.lora.LoraAdapter;
import dev.tallrec.lora.LoraParameters;
import dev.tallrec.tensor.DType;
import dev.tallrec.tensor.Tensor;
import dev.tallrec.train.LossScale;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

/** Compares logits, loss and gradients of batches. */
final class BatchChecks {

  private final GoldenModel golden;
  private final List<Check> checks = new ArrayList<>();
  private double logitDifference;
  private double gradientError;

  BatchChecks(GoldenModel golden) {
    this.golden = golden;
  }

  /** What came of all batches so far. */
  List<Check> checks() {
    return List.copyOf(checks);
  }

  /** By how much a logit was off at most. */
  double logitDifference() {
    return logitDifference;
  }

  /** The largest error of a batch's gradients, relative to the largest of their tensor. */
  double gradientError() {
    return gradientError;
  }

  void check(String batch) throws IOException {
    List<Fixture.Sequence> sequences =
        golden.fixture().sequences(batch, golden.config().vocabSize());
    try (LoraAdapter adapter = golden.adapter();
        LoraParameters parameters = new LoraParameters(golden.device(), golden.config(), adapter)) {
      double noise = golden.fixture().noise(batch, "logits", "max_logit");
      if (golden.fixture().has(batch + ".logits")) {
        checkLogits(batch, ".logits", sequences, parameters, noise);
      }
      if (golden.fixture().has(batch + ".base_logits")) {
        checkLogits(batch, ".base_logits", sequences, Adapter.NONE, noise);
      }
      if (golden.fixture().has(batch + ".loss")) {
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
    if (!golden.fixture().has(loose)) {
      return golden.tolerance();
    }
    double off =
        new Comparison(loose)
            .add(
                golden.fixture().logits(batch + ".logits", batch, golden.config().vocabSize()),
                golden.fixture().logits(loose, batch, golden.config().vocabSize()))
            .check(0, 0)
            .error();
    if (golden.device().productType() == DType.F32) {
      return Verification.FP32_TOLERANCE;
    }
    // PyTorch computed in the type that the weights are stored in; BF16 is coarser than F16.
    boolean coarser =
        golden.device().productType() == DType.BF16
            && golden.model().tensor(Projection.Q_PROJ.weightName(0)).dtype() == DType.F16;
    return coarser ? golden.tolerance() : 2 * off;
  }

  private void checkLogits(
      String batchName,
      String kind,
      List<Fixture.Sequence> sequences,
      Adapter adapter,
      double noise)
      throws IOException {
    String name = batchName + kind;
    Tensor expected = golden.fixture().logits(name, batchName, golden.config().vocabSize());
    int tokens = sequences.stream().mapToInt(sequence -> sequence.ids().length).sum();
    int vocab = golden.config().vocabSize();
    WorkspacePlan plan = WorkspacePlan.forInference(golden.config(), tokens, sequences.size());
    Comparison.Errors errors = new Comparison.Errors();
    try (Workspace workspace = new Workspace(golden.device(), golden.config(), adapter, plan);
        Arena arena = Arena.ofShared()) {
      TokenBatch batch = new TokenBatch(tokens, sequences.size());
      for (Fixture.Sequence sequence : sequences) {
        batch.addForAllLogits(sequence.ids(), 0, sequence.ids().length);
      }
      MemorySegment logits = arena.allocate((long) tokens * vocab * Float.BYTES, Float.BYTES);
      golden.network().logits(workspace, batch, null, logits);
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
    try (TrainingPass pass = new TrainingPass(golden, sequences, parameters);
        Arena arena = Arena.ofShared()) {
      double scale = new LossScale(golden.device().computeType()).value();
      double loss = pass.run(scale);
      checks.add(lossCheck(batch + ".loss", loss, golden.fixture().noise(batch, "loss", "")));
      List<Tensor> gradients = parameters.downloadGradients(arena);
      if (golden.fixture().names(batch + ".grad.").isEmpty()) {
        return;
      }
      Comparison comparison = new Comparison(batch + ".grad");
      for (Tensor gradient : gradients) {
        for (long i = 0; i < gradient.shape().elementCount(); i++) {
          gradient.setFloatAt(i, (float) (gradient.floatAt(i) / scale));
        }
        comparison.add(
            golden.fixture().floats(batch + ".grad." + gradient.name(), gradient.shape()),
            gradient);
      }
      Check check =
          comparison.check(golden.tolerance(), golden.fixture().noise(batch, "grad", "max_grad"));
      gradientError = Math.max(gradientError, check.error());
      checks.add(check);
    }
  }

  private Check lossCheck(String name, double loss, double noise) throws IOException {
    double expected = golden.fixture().floats(name, 1, 1).floatAt(0);
    Comparison.Errors errors = new Comparison.Errors().add(expected, loss);
    return new Comparison(name).add(name, errors).check(golden.tolerance(), noise / expected);
  }
}
