package dev.tallrec.testing;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tallrec.backend.Device;
import dev.tallrec.backend.Indices;
import dev.tallrec.backend.Matrix;
import dev.tallrec.tensor.DType;
import dev.tallrec.verify.Check;
import dev.tallrec.verify.ops.Both;
import dev.tallrec.verify.ops.DevicePair;
import dev.tallrec.verify.ops.Findings;
import dev.tallrec.verify.ops.OpsCase;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * What every backend's operations must do: the same as the reference, on the same inputs. Sizes are
 * chosen to be no multiple of anything.
 */
public abstract class OpsContract {

  private final Findings findings = new Findings();
  private Device device;
  private Device reference;
  private DevicePair pair;

  /** The device under test. */
  protected abstract Device newDevice();

  @BeforeEach
  void open() {
    device = newDevice();
    reference = new ReferenceDevice();
    pair = new DevicePair(reference, device, findings);
  }

  @AfterEach
  void close() {
    pair.close();
    reference.close();
    device.close();
  }

  static List<OpsCase> cases() {
    return OpsCase.odd();
  }

  @ParameterizedTest
  @MethodSource("cases")
  void agreesWithTheReference(OpsCase operations) {
    operations.body().accept(pair);
    assertThat(findings.checks()).isNotEmpty().allMatch(Check::passed);
  }

  @Test
  void addRmsNormIsRmsNormOfTheStoredSum() {
    Both<Matrix> x = pair.random("x", 9, 41);
    Both<Matrix> delta = pair.random("delta", 9, 41);
    Both<Matrix> weight = pair.random("weight", 1, 41);
    Both<Matrix> sum = pair.random("sum", 9, 41);
    Both<Matrix> out = pair.random("out", 9, 41);
    Both<Matrix> rstd = pair.floats("rstd", 9, 1);
    device
        .ops()
        .addRmsNorm(
            x.actual(),
            delta.actual(),
            weight.actual(),
            1e-5f,
            sum.actual(),
            out.actual(),
            rstd.actual());
    float[] together = pair.values(out);
    device.ops().rmsNorm(sum.actual(), weight.actual(), 1e-5f, out.actual(), rstd.actual());
    assertThat(pair.values(out)).isEqualTo(together);
  }

  @Test
  void lossWithoutGradientLeavesLogits() {
    Both<Matrix> logits = pair.random("logits", 3, 50);
    float[] before = pair.values(logits);
    Both<Indices> targets = pair.indices(1, 2, 3);
    Both<Matrix> weights = pair.floats("weights", 3, 1);
    Both<Matrix> losses = pair.floats("losses", 3, 1);
    device
        .ops()
        .crossEntropy(
            logits.actual(), targets.actual(), weights.actual(), 1, losses.actual(), null);
    assertThat(pair.values(logits)).isEqualTo(before);
  }

  @Test
  void sumOfSquaresTellsNotFiniteNumbers() {
    Both<Matrix> x = pair.floats("x", 1, 100);
    device.ops().fill(new Matrix(x.actual().buffer(), DType.F32, 17, 1, 1, 1), Float.NaN);
    assertThat(device.ops().sumOfSquares(x.actual())).isNaN();
  }
}
