package dev.tallrec.testing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.tallrec.backend.AdamWStep;
import dev.tallrec.backend.AttentionLayout;
import dev.tallrec.backend.Dropout;
import dev.tallrec.backend.FrozenLinear;
import dev.tallrec.backend.Matrix;
import dev.tallrec.backend.RopeTable;
import dev.tallrec.tensor.DType;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What every backend's operations must do: the same as the reference, on the same inputs. Sizes are
 * chosen to be no multiple of anything.
 */
public abstract class OpsContract extends DevicePair {

  @Test
  void embedding() {
    BothWeights table = weights(DType.F16, 37, 50);
    BothIndices ids = indices(3, 49, 0, 3);
    Both out = random("out", 4, 37);
    reference.ops().embedding(ids.expected(), table.expected(), out.expected);
    device.ops().embedding(ids.actual(), table.actual(), out.actual);
    out.check();
  }

  @ParameterizedTest
  @CsvSource({"1, 1", "1, 7", "7, 31", "33, 33", "2, 127", "3, 129", "129, 64", "5, 1031"})
  void rowOperationsOfManySizes(int rows, int columns) {
    Both x = random("x", rows, columns);
    Both weight = random("weight", 1, columns);
    Both out = random("out", rows, columns);
    Both rstd = floats("rstd", rows, 1);
    Both dx = random("dx", rows, columns);
    for (Both both : List.of(out, dx)) {
      reference.ops().fill(both.expected, 0.5f);
      device.ops().fill(both.actual, 0.5f);
    }
    reference.ops().rmsNorm(x.expected, weight.expected, 1e-5f, out.expected, rstd.expected);
    device.ops().rmsNorm(x.actual, weight.actual, 1e-5f, out.actual, rstd.actual);
    out.check();
    reference.ops().swiglu(out.expected, x.expected, dx.expected);
    device.ops().swiglu(out.actual, x.actual, dx.actual);
    dx.check(2 * tolerance(device.computeType()));
    reference.ops().add(x.expected, out.expected);
    device.ops().add(x.actual, out.actual);
    out.check(2 * tolerance(device.computeType()));
  }

  @Test
  void rmsNormAndItsSum() {
    Both x = random("x", 21, 83);
    Both delta = random("delta", 21, 83);
    Both weight = random("weight", 1, 83);
    Both sum = random("sum", 21, 83);
    Both out = random("out", 21, 83);
    Both rstd = floats("rstd", 21, 1);
    reference
        .ops()
        .addRmsNorm(
            x.expected,
            delta.expected,
            weight.expected,
            1e-5f,
            sum.expected,
            out.expected,
            rstd.expected);
    device
        .ops()
        .addRmsNorm(
            x.actual, delta.actual, weight.actual, 1e-5f, sum.actual, out.actual, rstd.actual);
    sum.check();
    out.check();
    rstd.check(1e-3);
    reference.ops().rmsNorm(x.expected, weight.expected, 1e-5f, out.expected, rstd.expected);
    device.ops().rmsNorm(x.actual, weight.actual, 1e-5f, out.actual, rstd.actual);
    out.check();
    rstd.check(1e-5);
  }

  @Test
  void addRmsNormIsRmsNormOfTheStoredSum() {
    Both x = random("x", 9, 41);
    Both delta = random("delta", 9, 41);
    Both weight = random("weight", 1, 41);
    Both sum = random("sum", 9, 41);
    Both out = random("out", 9, 41);
    Both again = random("again", 9, 41);
    Both rstd = floats("rstd", 9, 1);
    device
        .ops()
        .addRmsNorm(
            x.actual, delta.actual, weight.actual, 1e-5f, sum.actual, out.actual, rstd.actual);
    device.ops().rmsNorm(sum.actual, weight.actual, 1e-5f, again.actual, rstd.actual);
    assertThat(values(device, again.actual)).isEqualTo(values(device, out.actual));
  }

  @Test
  void rmsNormBackward() {
    Both x = random("x", 18, 83);
    Both dout = random("dout", 18, 83);
    Both weight = random("weight", 1, 83);
    Both rstd = floats("rstd", 18, 1);
    Both out = random("out", 18, 83);
    Both dx = random("dx", 18, 83);
    reference.ops().rmsNorm(x.expected, weight.expected, 1e-5f, out.expected, rstd.expected);
    device.ops().rmsNorm(x.actual, weight.actual, 1e-5f, out.actual, rstd.actual);
    reference
        .ops()
        .rmsNormBackward(dout.expected, x.expected, weight.expected, rstd.expected, dx.expected);
    device.ops().rmsNormBackward(dout.actual, x.actual, weight.actual, rstd.actual, dx.actual);
    dx.check();
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void rope(boolean inverse) {
    Both x = random("x", 13, 3 * 22);
    Both cos = floats("cos", 20, 11);
    Both sin = floats("sin", 20, 11);
    BothIndices positions = indices(0, 1, 2, 19, 4, 5, 6, 7, 8, 9, 10, 11, 12);
    reference
        .ops()
        .rope(x.expected, positions.expected(), new RopeTable(cos.expected, sin.expected), inverse);
    device.ops().rope(x.actual, positions.actual(), new RopeTable(cos.actual, sin.actual), inverse);
    x.check();
  }

  @Test
  void swiglu() {
    Both gate = random("gate", device.computeType(), 17, 51, 6);
    Both up = random("up", 17, 51);
    Both out = random("out", 17, 51);
    reference.ops().swiglu(gate.expected, up.expected, out.expected);
    device.ops().swiglu(gate.actual, up.actual, out.actual);
    out.check();
    Both dout = random("dout", 17, 51);
    reference
        .ops()
        .swigluBackward(dout.expected, gate.expected, up.expected, gate.expected, up.expected);
    device.ops().swigluBackward(dout.actual, gate.actual, up.actual, gate.actual, up.actual);
    gate.check();
    up.check();
  }

  @ParameterizedTest
  @CsvSource({
    "F32, 1, false",
    "F32, 2, true",
    "F16, 3, false",
    "BF16, 1, false",
    "BF16, 37, true",
    "F16, 70, false",
    "F32, 531, false"
  })
  void linear(DType type, int rows, boolean accumulate) {
    BothWeights w = weights(type, 45, 30, 9, 28);
    Both x = random("x", rows, 45);
    Both y = random("y", rows, 67);
    reference.ops().linear(x.expected, w.expected(), y.expected, accumulate);
    device.ops().linear(x.actual, w.actual(), y.actual, accumulate);
    y.check();
    FrozenLinear right = w.expected().outputs(20, 40);
    FrozenLinear ours = w.actual().outputs(20, 40);
    Both part = random("part", rows, 40);
    reference.ops().linear(x.expected, right, part.expected, accumulate);
    device.ops().linear(x.actual, ours, part.actual, accumulate);
    part.check();
    Both dx = random("dx", rows, 45);
    reference.ops().linearBackward(part.expected, right, dx.expected, accumulate);
    device.ops().linearBackward(part.actual, ours, dx.actual, accumulate);
    dx.check();
  }

  @Test
  void linearOfSizesBeyondABlock() {
    BothWeights w = weights(DType.F16, 300, 530);
    Both x = random("x", 67, 300);
    Both y = random("y", 67, 530);
    reference.ops().linear(x.expected, w.expected(), y.expected, false);
    device.ops().linear(x.actual, w.actual(), y.actual, false);
    y.check();
    Both dx = random("dx", 67, 300);
    reference.ops().linearBackward(y.expected, w.expected(), dx.expected, false);
    device.ops().linearBackward(y.actual, w.actual(), dx.actual, false);
    dx.check();
  }

  @ParameterizedTest
  @CsvSource({"8, 0", "8, 0.3", "6, 0.05", "1, 0", "17, 0.5"})
  void lora(int rank, float probability) {
    Dropout dropout = new Dropout(probability, 0x123456789ABCDEFL, 7);
    Both x = random("x", 35, 90);
    Both a = random("a", rank, 90);
    Both b = random("b", 75, rank);
    Both u = random("u", 35, rank);
    Both y = random("y", 35, 75);
    reference.ops().lora(x.expected, a.expected, b.expected, 1.5f, dropout, u.expected, y.expected);
    device.ops().lora(x.actual, a.actual, b.actual, 1.5f, dropout, u.actual, y.actual);
    u.check();
    y.check();
    Both dy = random("dy", 35, 75);
    Both du = random("du", 35, rank);
    Both da = floats("da", rank, 90);
    Both db = floats("db", 75, rank);
    Both dx = random("dx", 35, 90);
    reference
        .ops()
        .loraBackward(
            dy.expected,
            x.expected,
            u.expected,
            a.expected,
            b.expected,
            1.5f,
            dropout,
            du.expected,
            da.expected,
            db.expected,
            dx.expected);
    device
        .ops()
        .loraBackward(
            dy.actual, x.actual, u.actual, a.actual, b.actual, 1.5f, dropout, du.actual, da.actual,
            db.actual, dx.actual);
    double tolerance = tolerance(device.computeType());
    da.check(tolerance);
    db.check(tolerance);
    dx.check();
    reference
        .ops()
        .loraBackward(
            dy.expected,
            x.expected,
            u.expected,
            a.expected,
            b.expected,
            1.5f,
            dropout,
            du.expected,
            da.expected,
            db.expected,
            null);
    device
        .ops()
        .loraBackward(
            dy.actual, x.actual, u.actual, a.actual, b.actual, 1.5f, dropout, du.actual, da.actual,
            db.actual, null);
    da.check(tolerance);
  }

  @Test
  void attentionOverPackedSequences() {
    // A sequence of 70 (more than a block), one of 1, one of 9.
    attention(80, 80, 70, 0, 70, 0, 0, 0, 0, 70, 1, 70, 0, 0, 0, 71, 9, 71, 0, 0, 0);
  }

  @Test
  void attentionToASharedPrefix() {
    attention(30, 30, 12, 0, 11, 0, 0, 0, 0, 11, 7, 11, 0, 0, 11, 18, 12, 18, 0, 0, 11);
  }

  @Test
  void attentionOfAFewQueries() {
    attention(5, 30, 3, 0, 3, 0, 9, 0, 0, 3, 2, 13, 4, 0, 13);
  }

  @ParameterizedTest
  @CsvSource({
    "8, 1, 1, 7",
    "24, 4, 4, 33",
    "48, 8, 1, 31",
    "64, 4, 1, 129",
    "128, 2, 2, 127",
    "128, 8, 1, 65",
    "16, 2, 1, 300"
  })
  void attentionOfManySizes(int headDim, int heads, int kvHeads, int length) {
    int[] segments = {
      0, length, 0, 0, 0, 0, length, 1, length, 0, 0, 0, length + 1, length, length + 1, 0, 0, 3
    };
    attention(headDim, heads, kvHeads, 2 * length + 1, 2 * length + 1, length, segments);
  }

  private void attention(int queryRows, int keyRows, int maxQueries, int... segments) {
    attention(20, 6, 2, queryRows, keyRows, maxQueries, segments);
  }

  private void attention(
      int headDim,
      int heads,
      int kvHeads,
      int queryRows,
      int keyRows,
      int maxQueries,
      int[] segments) {
    BothIndices ints = indices(segments);
    int count = segments.length / AttentionLayout.INTS_PER_SEGMENT;
    AttentionLayout right =
        new AttentionLayout(ints.expected(), count, queryRows, keyRows, maxQueries);
    AttentionLayout ours =
        new AttentionLayout(ints.actual(), count, queryRows, keyRows, maxQueries);
    Both q = random("q", queryRows, heads * headDim);
    Both k = random("k", keyRows, kvHeads * headDim);
    Both v = random("v", keyRows, kvHeads * headDim);
    Both out = random("out", queryRows, heads * headDim);
    Both lse = floats("lse", heads, queryRows);
    float scale = 0.5f;
    reference
        .ops()
        .attention(
            q.expected, k.expected, v.expected, right, headDim, scale, out.expected, lse.expected);
    device
        .ops()
        .attention(q.actual, k.actual, v.actual, ours, headDim, scale, out.actual, lse.actual);
    out.check();
    lse.check(tolerance(device.computeType()));
    Both dout = random("dout", queryRows, heads * headDim);
    Both delta = floats("delta", heads, queryRows);
    Both dq = random("dq", queryRows, heads * headDim);
    Both dk = random("dk", keyRows, kvHeads * headDim);
    Both dv = random("dv", keyRows, kvHeads * headDim);
    reference
        .ops()
        .attentionBackward(
            q.expected,
            k.expected,
            v.expected,
            out.expected,
            dout.expected,
            lse.expected,
            right,
            headDim,
            scale,
            delta.expected,
            dq.expected,
            dk.expected,
            dv.expected);
    device
        .ops()
        .attentionBackward(
            q.actual,
            k.actual,
            v.actual,
            out.actual,
            dout.actual,
            lse.actual,
            ours,
            headDim,
            scale,
            delta.actual,
            dq.actual,
            dk.actual,
            dv.actual);
    dq.check();
    dk.check();
    dv.check();
  }

  @Test
  void gatherAndScatter() {
    Both source = random("source", 10, 33);
    BothIndices rows = indices(9, 0, 4);
    Both out = random("out", 3, 33);
    reference.ops().gatherRows(source.expected, rows.expected(), out.expected);
    device.ops().gatherRows(source.actual, rows.actual(), out.actual);
    out.check();
    reference.ops().scatterAddRows(out.expected, rows.expected(), source.expected);
    device.ops().scatterAddRows(out.actual, rows.actual(), source.actual);
    source.check();
  }

  @Test
  void crossEntropyAndProbabilities() {
    Both logits = random("logits", device.computeType(), 7, 203, 9);
    BothIndices targets = indices(0, 202, 5, 6, 7, 8, 100);
    Both weights = floats("weights", 7, 1);
    Both losses = floats("losses", 7, 1);
    Both probabilities = floats("probabilities", 7, 3);
    BothIndices tokens = indices(4, 202, 0);
    reference.ops().tokenProbabilities(logits.expected, tokens.expected(), probabilities.expected);
    device.ops().tokenProbabilities(logits.actual, tokens.actual(), probabilities.actual);
    probabilities.check(1e-5);
    reference
        .ops()
        .crossEntropy(
            logits.expected,
            targets.expected(),
            weights.expected,
            3f,
            losses.expected,
            logits.expected);
    device
        .ops()
        .crossEntropy(
            logits.actual, targets.actual(), weights.actual, 3f, losses.actual, logits.actual);
    losses.check(1e-5);
    logits.check();
  }

  @Test
  void lossWithoutGradientLeavesLogits() {
    Both logits = random("logits", 3, 50);
    double[] before = values(device, logits.actual);
    BothIndices targets = indices(1, 2, 3);
    Both weights = floats("weights", 3, 1);
    Both losses = floats("losses", 3, 1);
    reference
        .ops()
        .crossEntropy(
            logits.expected, targets.expected(), weights.expected, 1, losses.expected, null);
    device
        .ops()
        .crossEntropy(logits.actual, targets.actual(), weights.actual, 1, losses.actual, null);
    losses.check(1e-5);
    assertThat(values(device, logits.actual)).isEqualTo(before);
  }

  @Test
  void optimizer() {
    int size = 40_000;
    Both w = floats("w", 1, size);
    Both m = floats("m", 1, size);
    Both v = random("v", DType.F32, 1, size, 1e-3);
    reference.ops().fill(v.expected, 1e-4f);
    device.ops().fill(v.actual, 1e-4f);
    Both copy = random("copy", 1, size);
    for (int step = 1; step <= 3; step++) {
      Both g = random("g", DType.F32, 1, size, 0.1);
      assertThat(device.ops().sumOfSquares(g.actual))
          .isCloseTo(reference.ops().sumOfSquares(g.expected), within(1e-4));
      AdamWStep settings = new AdamWStep(1e-2f, 0.9, 0.999, 1e-8f, 0.01f, step, 0.5f);
      reference
          .ops()
          .adamW(w.expected, g.expected, m.expected, v.expected, copy.expected, settings);
      device.ops().adamW(w.actual, g.actual, m.actual, v.actual, copy.actual, settings);
    }
    w.check(1e-5);
    m.check(1e-5);
    v.check(1e-5);
    copy.check();
  }

  @Test
  void sumOfSquaresTellsNotFiniteNumbers() {
    Both x = floats("x", 1, 100);
    device.ops().fill(new Matrix(x.actual.buffer(), DType.F32, 17, 1, 1, 1), Float.NaN);
    assertThat(device.ops().sumOfSquares(x.actual)).isNaN();
  }

  @ParameterizedTest
  @EnumSource(
      value = DType.class,
      names = {"F32", "F16", "BF16"})
  void copyConverts(DType type) {
    Both source = floats("source", 5, 31);
    Both target = random("target", type, 5, 31, 1);
    reference.ops().copy(source.expected, target.expected);
    device.ops().copy(source.actual, target.actual);
    target.check();
    reference.ops().copy(target.expected, source.expected);
    device.ops().copy(target.actual, source.actual);
    source.check(tolerance(type));
  }

  @Test
  void addAndFill() {
    Both x = random("x", 6, 29);
    Both y = random("y", 6, 29);
    reference.ops().add(x.expected, y.expected);
    device.ops().add(x.actual, y.actual);
    y.check();
    reference.ops().fill(x.expected, 0.25f);
    device.ops().fill(x.actual, 0.25f);
    x.check();
  }
}
