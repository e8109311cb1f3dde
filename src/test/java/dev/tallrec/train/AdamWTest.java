package dev.tallrec.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.tallrec.backend.Matrix;
import dev.tallrec.backend.cpu.CpuDevice;
import dev.tallrec.testing.LoadedModel;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class AdamWTest {

  private static final double RATE = 0.01;
  private static final double BETA1 = 0.9;
  private static final double BETA2 = 0.99;
  private static final double EPSILON = 1e-6;
  private static final double DECAY = 0.1;

  private final SplittableRandom random = new SplittableRandom(5);
  private LoadedModel model;
  private AdamW optimizer;

  @BeforeEach
  void load() throws IOException {
    model = LoadedModel.golden(new CpuDevice(1), "A_mha_qv");
    optimizer =
        new AdamW(model.device, model.parameters, new AdamWSettings(BETA1, BETA2, EPSILON, DECAY));
  }

  @AfterEach
  void close() {
    optimizer.close();
    model.close();
  }

  private float[] read(Matrix row) {
    try (Arena arena = Arena.ofShared()) {
      MemorySegment values = arena.allocate(row.bytes().byteSize(), Float.BYTES);
      model.device.download(row.bytes(), values);
      return values.toArray(ValueLayout.JAVA_FLOAT);
    }
  }

  private void write(float[] values, Matrix row) {
    try (Arena arena = Arena.ofShared()) {
      model.device.upload(arena.allocateFrom(ValueLayout.JAVA_FLOAT, values), row.bytes());
    }
  }

  private float[] gradients(double size) {
    float[] values = new float[model.parameters.gradients().columns()];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (size * random.nextGaussian());
    }
    return values;
  }

  private static double norm(float[] values) {
    double sum = 0;
    for (float value : values) {
      sum += (double) value * value;
    }
    return Math.sqrt(sum);
  }

  /** As PyTorch's documentation of AdamW and of clip_grad_norm_ has it, in double precision. */
  @ParameterizedTest
  @ValueSource(doubles = {0, 0.5, 1e9})
  void isTheFormula(double most) {
    float[] before = read(model.parameters.masters());
    double[] weights = new double[before.length];
    double[] first = new double[before.length];
    double[] second = new double[before.length];
    for (int i = 0; i < before.length; i++) {
      weights[i] = before[i];
    }
    for (int step = 1; step <= 4; step++) {
      float[] gradients = gradients(0.1 * step);
      // As a loss scale of 8 makes them.
      write(times(gradients, 8), model.parameters.gradients());

      double norm = optimizer.step(RATE * step, most, 8);

      double right = norm(gradients);
      assertThat(norm).isCloseTo(right, within(1e-5 * right));
      double clip = most > 0 && right > most ? most / right : 1;
      for (int i = 0; i < weights.length; i++) {
        double gradient = clip * gradients[i];
        first[i] = BETA1 * first[i] + (1 - BETA1) * gradient;
        second[i] = BETA2 * second[i] + (1 - BETA2) * gradient * gradient;
        double mean = first[i] / (1 - Math.pow(BETA1, step));
        double square = second[i] / (1 - Math.pow(BETA2, step));
        weights[i] -= RATE * step * DECAY * weights[i];
        weights[i] -= RATE * step * mean / (Math.sqrt(square) + EPSILON);
      }
      float[] ours = read(model.parameters.masters());
      for (int i = 0; i < weights.length; i++) {
        assertThat((double) ours[i]).isCloseTo(weights[i], within(2e-5));
      }
      assertThat(optimizer.steps()).isEqualTo(step);
      assertThat(read(model.parameters.gradients())).containsOnly(0);
    }
  }

  private static float[] times(float[] values, float factor) {
    float[] product = values.clone();
    for (int i = 0; i < product.length; i++) {
      product[i] *= factor;
    }
    return product;
  }

  /** An overflow of fp16: the step is left out, and the next one is as if it had not been. */
  @ParameterizedTest
  @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY})
  void aGradientThatIsNotFiniteChangesNothing(float broken) {
    write(gradients(1), model.parameters.gradients());
    optimizer.step(RATE, 1, 1);
    float[] weights = read(model.parameters.masters());
    float[] first = read(optimizer.firstMoment());
    float[] second = read(optimizer.secondMoment());
    float[] gradients = gradients(1);
    gradients[gradients.length / 2] = broken;
    write(gradients, model.parameters.gradients());

    assertThat(optimizer.step(RATE, 1, 1)).isNotFinite();

    assertThat(optimizer.steps()).isEqualTo(1);
    assertThat(read(model.parameters.masters())).isEqualTo(weights);
    assertThat(read(optimizer.firstMoment())).isEqualTo(first);
    assertThat(read(optimizer.secondMoment())).isEqualTo(second);
    assertThat(read(model.parameters.gradients())).containsOnly(0);
  }
}
