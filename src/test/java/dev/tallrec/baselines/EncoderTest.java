package dev.tallrec.baselines;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.GradientCollector;
import java.io.IOException;
import java.util.Objects;
import java.util.Random;
import java.util.function.DoubleSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The recommenders' encoders against plain loops in double precision. */
class EncoderTest {

  private static final int BATCH = 3;
  private static final int LENGTH = Sequences.LENGTH;

  private final Random random = new Random(4);
  private NDManager manager;
  private Weights weights;

  @BeforeEach
  void start() throws IOException {
    TorchEngine.require();
    Engine engine = Engine.getEngine("PyTorch");
    engine.setRandomSeed(4);
    manager = engine.newBaseManager();
    weights = new Weights(manager);
  }

  @AfterEach
  void close() {
    manager.close();
  }

  private float[] gaussian(int size) {
    float[] values = new float[size];
    for (int i = 0; i < size; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }

  /** Puts other values in place of those that it starts with, which may be all alike. */
  private void shuffle(String... names) {
    for (String name : names) {
      NDArray array = trained(name);
      array.set(gaussian((int) array.size()));
    }
  }

  private NDArray trained(String name) {
    return Objects.requireNonNull(weights.trained().get(name), name);
  }

  /** A weight of two dimensions, or of one as a row. */
  private double[][] matrix(String name) {
    NDArray array = trained(name);
    int columns = (int) array.getShape().get(array.getShape().dimension() - 1);
    float[] values = array.toFloatArray();
    double[][] matrix = new double[values.length / columns][columns];
    for (int i = 0; i < values.length; i++) {
      matrix[i / columns][i % columns] = values[i];
    }
    return matrix;
  }

  private double[] vector(String name) {
    return matrix(name)[0];
  }

  /** Of history {@code row}: what the encoder's vector should be. */
  private interface Reference {
    double[] of(double[][] history);
  }

  private void assertIs(Encoder encoder, int channels, Reference reference) {
    float[] values = gaussian(BATCH * LENGTH * channels);
    double[][][] histories = new double[BATCH][LENGTH][channels];
    for (int i = 0; i < values.length; i++) {
      histories[i / (LENGTH * channels)][i / channels % LENGTH][i % channels] = values[i];
    }
    NDArray history = manager.create(values, new Shape(BATCH, LENGTH, channels));
    float[] factors = gaussian(BATCH * encoder.width());
    try (GradientCollector collector = Engine.getEngine("PyTorch").newGradientCollector()) {
      NDArray vectors = encoder.encode(history, false);

      assertThat(vectors.getShape()).isEqualTo(new Shape(BATCH, encoder.width()));
      for (int row = 0; row < BATCH; row++) {
        double[] right = reference.of(histories[row]);
        float[] ours = vectors.get(row).toFloatArray();
        for (int i = 0; i < right.length; i++) {
          assertThat((double) ours[i])
              .as("row %d, channel %d", row, i)
              .isCloseTo(right[i], within(2e-5));
        }
      }
      collector.backward(vectors.mul(manager.create(factors, vectors.getShape())).sum());
    }
    weights
        .trained()
        .forEach((name, array) ->
            assertGradient(
                name,
                array,
                () -> {
                  double sum = 0;
                  for (int row = 0; row < BATCH; row++) {
                    double[] vector = reference.of(histories[row]);
                    for (int i = 0; i < vector.length; i++) {
                      sum += factors[row * vector.length + i] * vector[i];
                    }
                  }
                  return sum;
                }));
  }

  /** Compares some of an array's gradients with differences of {@code loss}. */
  private void assertGradient(String name, NDArray array, DoubleSupplier loss) {
    float[] gradient = array.getGradient().toFloatArray();
    float[] values = array.toFloatArray();
    double largest = 0;
    for (float value : gradient) {
      largest = Math.max(largest, Math.abs(value));
    }
    for (int trial = 0; trial < 40; trial++) {
      int index = random.nextInt(values.length);
      float value = values[index];
      // So near that hardly ever another item becomes the largest of a convolution in between.
      float above = value + 1e-6f;
      float below = value - 1e-6f;
      values[index] = above;
      array.set(values);
      double difference = loss.getAsDouble();
      values[index] = below;
      array.set(values);
      difference -= loss.getAsDouble();
      values[index] = value;
      array.set(values);
      assertThat((double) gradient[index])
          .as("%s, %d", name, index)
          .isCloseTo(difference / (above - below), within(1e-5 + 1e-4 * largest));
    }
  }

  private static double sigmoid(double x) {
    return 1 / (1 + Math.exp(-x));
  }

  /** Product of a vector with row {@code row} of a matrix. */
  private static double dot(double[] matrixRow, double[] x) {
    double sum = 0;
    for (int i = 0; i < x.length; i++) {
      sum += matrixRow[i] * x[i];
    }
    return sum;
  }

  /** Cho et al., 2014, with PyTorch's two biases and its order of gates: reset, update, new. */
  @Test
  void gruIsTheFormula() {
    int hidden = 4;
    assertIs(
        new GruEncoder(weights, 5, hidden, 2),
        5,
        history -> {
          double[][] inputs = history;
          for (int layer = 0; layer < 2; layer++) {
            String name = "gru" + layer;
            double[][] ofInput = matrix(name + ".w_ih");
            double[][] ofState = matrix(name + ".w_hh");
            double[] inputBias = vector(name + ".b_ih");
            double[] stateBias = vector(name + ".b_hh");
            double[][] states = new double[LENGTH][hidden];
            double[] state = new double[hidden];
            for (int time = 0; time < LENGTH; time++) {
              for (int i = 0; i < hidden; i++) {
                double[] x = new double[3];
                double[] h = new double[3];
                for (int gate = 0; gate < 3; gate++) {
                  int row = gate * hidden + i;
                  x[gate] = dot(ofInput[row], inputs[time]) + inputBias[row];
                  h[gate] = dot(ofState[row], state) + stateBias[row];
                }
                double update = sigmoid(x[1] + h[1]);
                double fresh = Math.tanh(x[2] + sigmoid(x[0] + h[0]) * h[2]);
                states[time][i] = (1 - update) * fresh + update * state[i];
              }
              state = states[time];
            }
            inputs = states;
          }
          return inputs[LENGTH - 1];
        });
  }

  /** Tang and Wang, 2018: filters of all channels and 2 to 4 items, and one down each channel. */
  @ParameterizedTest
  @ValueSource(ints = {6, 64})
  void caserIsItsConvolutions(int channels) {
    CaserEncoder encoder = new CaserEncoder(weights, channels, 0.5);
    shuffle("horizontal2.bias", "horizontal3.bias", "horizontal4.bias", "vertical.bias");
    assertIs(
        encoder,
        channels,
        history -> {
          double[] result = new double[3 * 16 + channels];
          for (int height = 2; height <= 4; height++) {
            // Rows of all filters, one below the other.
            double[][] filters = matrix("horizontal" + height + ".filters");
            for (int filter = 0; filter < 16; filter++) {
              double largest = 0;
              for (int from = 0; from + height <= LENGTH; from++) {
                double sum = vector("horizontal" + height + ".bias")[filter];
                for (int i = 0; i < height; i++) {
                  sum += dot(filters[filter * height + i], history[from + i]);
                }
                largest = Math.max(largest, sum);
              }
              result[(height - 2) * 16 + filter] = largest;
            }
          }
          double[][] down = matrix("vertical.filters");
          for (int channel = 0; channel < channels; channel++) {
            double sum = vector("vertical.bias")[0];
            for (int i = 0; i < LENGTH; i++) {
              sum += down[i][0] * history[i][channel];
            }
            result[48 + channel] = Math.max(0, sum);
          }
          return result;
        });
  }

  /**
   * Kang and McAuley, 2018, as the paper's scripts have it: queries of normalized states, which
   * also are the residual; scores by the root of the whole width; two norms at the end.
   */
  @Test
  void sasRecIsItsBlock() {
    int width = 6;
    int heads = 2;
    SasRecEncoder encoder = new SasRecEncoder(weights, width, heads, 0.5);
    for (String norm : new String[] {"query_norm", "attention_norm", "inner_norm", "final_norm"}) {
      shuffle(norm + ".gain", norm + ".shift");
    }
    assertIs(
        encoder,
        width,
        history -> {
          double[][] positions = matrix("positions");
          double[][] x = new double[LENGTH][width];
          double[][] keys = new double[LENGTH][];
          double[][] values = new double[LENGTH][];
          for (int i = 0; i < LENGTH; i++) {
            x[i] = sum(history[i], positions[i]);
            keys[i] = linear("key", x[i]);
            values[i] = linear("value", x[i]);
          }
          double[] normed = normalized("query_norm", x[LENGTH - 1]);
          double[] query = linear("query", normed);
          double[] mixed = new double[width];
          for (int head = 0; head < heads; head++) {
            int from = head * width / heads;
            int to = (head + 1) * width / heads;
            double[] weight = new double[LENGTH];
            double all = 0;
            for (int i = 0; i < LENGTH; i++) {
              double product = 0;
              for (int channel = from; channel < to; channel++) {
                product += query[channel] * keys[i][channel];
              }
              weight[i] = Math.exp(product / Math.sqrt(width));
              all += weight[i];
            }
            for (int i = 0; i < LENGTH; i++) {
              for (int channel = from; channel < to; channel++) {
                mixed[channel] += weight[i] / all * values[i][channel];
              }
            }
          }
          double[] attended = normalized("attention_norm", sum(mixed, normed));
          double[] inner = linear("inner", attended);
          for (int i = 0; i < width; i++) {
            inner[i] = Math.max(0, inner[i]);
          }
          double[] fed = sum(linear("outer", inner), attended);
          return normalized("final_norm", normalized("inner_norm", fed));
        });
  }

  private static double[] sum(double[] a, double[] b) {
    double[] sum = a.clone();
    for (int i = 0; i < sum.length; i++) {
      sum[i] += b[i];
    }
    return sum;
  }

  /** A row of inputs times a matrix of [in, out]. */
  private double[] linear(String name, double[] x) {
    double[][] weight = matrix(name + ".weight");
    double[] result = vector(name + ".bias").clone();
    for (int in = 0; in < x.length; in++) {
      for (int out = 0; out < result.length; out++) {
        result[out] += x[in] * weight[in][out];
      }
    }
    return result;
  }

  private double[] normalized(String name, double[] x) {
    double mean = 0;
    double variance = 0;
    for (double value : x) {
      mean += value / x.length;
    }
    for (double value : x) {
      variance += (value - mean) * (value - mean) / x.length;
    }
    double[] result = new double[x.length];
    for (int i = 0; i < x.length; i++) {
      result[i] =
          (x[i] - mean) / Math.sqrt(variance + 1e-5) * vector(name + ".gain")[i]
              + vector(name + ".shift")[i];
    }
    return result;
  }

  @Test
  void dropoutIsForTrainingAloneAndKeepsTheMean() {
    NDArray ones = manager.ones(new Shape(100, 100));
    assertThat(Encoder.dropout(ones, 0.2, false).toFloatArray()).containsOnly(1);
    assertThat(Encoder.dropout(ones, 0, true).toFloatArray()).containsOnly(1);
    float[] dropped = Encoder.dropout(ones, 0.2, true).toFloatArray();
    assertThat(dropped).containsOnly(0, 1.25f);
    double sum = 0;
    for (float value : dropped) {
      sum += value;
    }
    assertThat(sum / dropped.length).isCloseTo(1, within(0.05));
  }

  /** Two items of a table, of width 2, with one feature each and the like flag behind. */
  @Test
  void itemsAreTheirVectorFeaturesAndLikeFlagAndPaddingIsNothing() {
    ItemEmbedding embedding =
        new ItemEmbedding(weights, 2, 3, new ItemFeatures(1, new float[] {5, 7}));
    trained("items").set(new float[] {1, 2, 3, 4, 8, 8});
    long[] items = new long[LENGTH];
    float[] likes = new float[LENGTH];
    items[1] = 1;
    items[2] = 2;
    items[3] = 1;
    likes[1] = 1;
    Sequences batch = new Sequences(items, likes, new long[1], new float[1]);

    NDArray vectors = embedding.of(manager, batch);

    assertThat(embedding.width()).isEqualTo(4);
    assertThat(vectors.getShape()).isEqualTo(new Shape(1, LENGTH, 4));
    assertThat(vectors.toFloatArray())
        .startsWith(1, 2, 5, 0, 3, 4, 7, 1, 0, 0, 0, 0, 3, 4, 7, 0, 1, 2, 5, 0);
  }
}
