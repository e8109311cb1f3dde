package dev.tallrec.baselines;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import java.io.IOException;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RobustTermTest {

  private static final int ITEMS = 7;
  private static final double WEIGHT = 0.4;

  /** Examples of these targets; the term reads nothing else of them. */
  private static Sequences targets(long... targets) {
    int rows = targets.length;
    return new Sequences(
        new long[rows * Sequences.LENGTH],
        new float[rows * Sequences.LENGTH],
        targets,
        new float[rows]);
  }

  @ParameterizedTest
  @ValueSource(doubles = {0.5, 0.05})
  void isTheFormula(double power) throws IOException {
    TorchEngine.require();
    Sequences train = targets(0, 2, 2, 5, 2);
    Sequences batch = targets(2, 5);
    Random random = new Random(1);
    float[] scores = new float[2 * ITEMS];
    for (int i = 0; i < scores.length; i++) {
      scores[i] = (float) random.nextGaussian();
    }
    try (NDManager manager = Engine.getEngine("PyTorch").newBaseManager()) {
      NDArray all = manager.create(scores, new Shape(2, ITEMS));
      NDArray chosen = all.gather(manager.create(batch.targets(), new Shape(2, 1)), 1);
      RobustTerm term = new RobustTerm(new Weights(manager), train, ITEMS, power, WEIGHT);
      assertThat((double) term.of(manager, all, chosen, batch).getFloat())
          .isCloseTo(WEIGHT * expected(scores, batch, power), within(1e-5));
    }
  }

  private static double expected(float[] scores, Sequences batch, double power) {
    // Of five training targets, each of the seven items counted once more.
    int[] counts = {2, 1, 4, 1, 1, 2, 1};
    double mean = 0;
    for (int row = 0; row < 2; row++) {
      double sum = 0;
      for (int item = 0; item < ITEMS; item++) {
        double wanted = item == batch.targets()[row] ? 1 : 0;
        double distance = scores[row * ITEMS + item] - wanted;
        sum += Math.exp(Math.pow(counts[item] / 12.0, power) * distance * distance);
      }
      mean += Math.log(sum) / 2;
    }
    return mean;
  }
}
