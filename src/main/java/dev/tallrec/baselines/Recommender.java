package dev.tallrec.baselines;

import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.GradientCollector;
import ai.djl.training.optimizer.Optimizer;
import ai.djl.training.tracker.Tracker;
import dev.tallrec.rec.Auc;
import dev.tallrec.rec.RecData;
import dev.tallrec.rec.RecExample;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * A sequential recommender: an encoder of the history and a score for every item, learned from
 * examples as the paper's authors did. The state with the best validation AUC is what is reported.
 */
public final class Recommender implements AutoCloseable {

  /** Told how far training has come. */
  @FunctionalInterface
  public interface Progress {
    void step(int done, String message);
  }

  /**
   * A validation.
   *
   * @param step after which it was made
   * @param loss mean since the one before
   * @param validAuc found
   */
  public record Point(int step, double loss, double validAuc) {}

  /**
   * What came of training.
   *
   * @param test scores of the test examples by the state that was kept
   * @param kept the validation with the best AUC, the first of them where several have it; the
   *     untrained state is none of them
   * @param curve all validations
   */
  public record Outcome(double[] test, Point kept, List<Point> curve) {}

  private static final int SCORED_AT_A_TIME = 1000;

  private final RecommenderSettings settings;
  private final RecData data;
  private final Sequences train;
  private final Sequences valid;
  private final Sequences test;
  private final Engine engine;
  private final NDManager manager;
  private final Weights weights;
  private final ItemEmbedding embedding;
  private final Encoder encoder;
  private final NDArray output;
  private final NDArray outputBias;
  private final @Nullable RobustTerm robust;
  private final int items;
  private final Random random;

  /**
   * An untrained recommender.
   *
   * @param data with the validation and test examples
   * @param train the examples to learn from
   * @param features of the items' titles, or null to know items by number alone
   * @throws IOException if the engine is not there
   */
  public Recommender(
      RecommenderSettings settings,
      RecData data,
      List<RecExample> train,
      ItemCatalog catalog,
      @Nullable ItemFeatures features,
      long seed)
      throws IOException {
    this.settings = settings;
    this.data = data;
    this.train = Sequences.of(train, catalog);
    this.valid = Sequences.of(data.valid(), catalog);
    this.test = Sequences.of(data.test(), catalog);
    this.items = catalog.size();
    this.random = new Random(seed);
    TorchEngine.require();
    this.engine = Engine.getEngine("PyTorch");
    engine.setRandomSeed((int) seed);
    this.manager = engine.newBaseManager();
    this.weights = new Weights(manager);
    this.embedding =
        new ItemEmbedding(
            weights, items, settings.hidden(), features == null ? null : features.standardized());
    this.encoder =
        switch (settings.architecture()) {
          case GRU4REC ->
              new GruEncoder(weights, embedding.width(), settings.hidden(), settings.layers());
          case CASER -> new CaserEncoder(weights, embedding.width(), settings.dropout());
          case SASREC ->
              new SasRecEncoder(weights, embedding.width(), settings.heads(), settings.dropout());
        };
    double bound = 1 / Math.sqrt(encoder.width());
    this.output = weights.uniform("output.weight", bound, encoder.width(), items);
    this.outputBias = weights.uniform("output.bias", bound, items);
    this.robust =
        settings.droWeight() > 0
            ? new RobustTerm(weights, this.train, items, settings.droPower(), settings.droWeight())
            : null;
  }

  private int batchRows() {
    return Math.min(settings.batchSize(), train.rows());
  }

  private int stepsPerEpoch() {
    return train.rows() / batchRows();
  }

  /** Steps that {@link #train} takes. */
  public int steps() {
    return settings.epochs() * stepsPerEpoch();
  }

  /**
   * Trains and returns the scores at the best step.
   *
   * @param stop asked after each step
   * @return empty if told to stop
   * @throws ArithmeticException if a loss or a score is not finite
   */
  public Optional<Outcome> train(Progress progress, BooleanSupplier stop) {
    int batch = batchRows();
    int stepsPerEpoch = stepsPerEpoch();
    int steps = steps();
    int every = settings.evaluateEvery() == 0 ? stepsPerEpoch : settings.evaluateEvery();
    Optimizer optimizer =
        Optimizer.adam()
            .optLearningRateTracker(Tracker.fixed((float) settings.learningRate()))
            .optWeightDecays((float) settings.weightDecay())
            .build();
    boolean[] labels = RecExample.labels(data.valid());
    List<Point> curve = new ArrayList<>();
    Optional<Outcome> best = Optional.empty();
    double loss = 0;
    int since = 0;
    for (int step = 1; step <= steps; step++) {
      if (stop.getAsBoolean()) {
        return Optional.empty();
      }
      double ofStep = step(train.rows(sample(batch)), optimizer);
      if (!Double.isFinite(ofStep)) {
        throw notFinite("loss", step, ofStep);
      }
      loss += ofStep;
      since++;
      if (step % every == 0 || step == steps) {
        Point point = new Point(step, loss / since, Auc.of(scores(valid, step), labels));
        curve.add(point);
        if (best.isEmpty() || point.validAuc() > best.get().kept().validAuc()) {
          best = Optional.of(new Outcome(scores(test, step), point, curve));
        }
        progress.step(step, "validation AUC %.4f".formatted(point.validAuc()));
        loss = 0;
        since = 0;
      }
    }
    return best;
  }

  /** Row numbers of a batch: drawn anew for each step, none twice, as the paper's scripts do. */
  private int[] sample(int count) {
    int[] rows = IntStream.range(0, train.rows()).toArray();
    for (int i = 0; i < count; i++) {
      int other = i + random.nextInt(rows.length - i);
      int row = rows[i];
      rows[i] = rows[other];
      rows[other] = row;
    }
    return Arrays.copyOf(rows, count);
  }

  private double step(Sequences batch, Optimizer optimizer) {
    try (NDManager step = manager.newSubManager()) {
      double value;
      try (GradientCollector collector = engine.newGradientCollector()) {
        NDArray all = allScores(step, batch, true);
        NDArray targets = step.create(batch.targets(), new Shape(batch.rows(), 1));
        NDArray chosen = all.gather(targets, 1);
        NDArray loss =
            switch (settings.objective()) {
              case LABEL ->
                  chosen
                      .getNDArrayInternal()
                      .sigmoid()
                      .sub(step.create(batch.labels(), new Shape(batch.rows(), 1)))
                      .square()
                      .mean();
              case NEXT_ITEM -> nextItemLoss(step, all, chosen, batch);
            };
        if (robust != null) {
          loss = loss.add(robust.of(step, all, chosen, batch));
        }
        collector.backward(loss);
        value = loss.getFloat();
      }
      weights.step(optimizer);
      return value;
    }
  }

  /** Binary cross-entropy of liked targets against one other item each. */
  private NDArray nextItemLoss(NDManager step, NDArray all, NDArray chosen, Sequences batch) {
    long[] others = new long[batch.rows()];
    for (int i = 0; i < others.length; i++) {
      // Uniform over all items but the target.
      int drawn = random.nextInt(items - 1);
      others[i] = drawn < batch.targets()[i] ? drawn : drawn + 1;
    }
    Shape shape = new Shape(batch.rows(), 1);
    NDArray negative = all.gather(step.create(others, shape), 1);
    NDArray liked = step.create(batch.labels(), shape);
    NDArray losses = softplus(chosen.neg()).add(softplus(negative)).mul(liked);
    return losses.sum().div(liked.sum().maximum(1));
  }

  private static NDArray softplus(NDArray x) {
    // log(1 + e^x) that does not overflow.
    return x.getNDArrayInternal().relu().add(x.abs().neg().exp().add(1).log());
  }

  /** [batch, items]. */
  private NDArray allScores(NDManager step, Sequences batch, boolean training) {
    NDArray history = encoder.encode(embedding.of(step, batch), training);
    return history.matMul(output).add(outputBias);
  }

  private ArithmeticException notFinite(String what, int step, double value) {
    return new ArithmeticException(
        "%s: a %s of step %d is %s; a learning rate below %s may keep it finite"
            .formatted(settings.architecture(), what, step, value, settings.learningRate()));
  }

  /** Scores of the targets after a step. */
  private double[] scores(Sequences sequences, int step) {
    double[] scores = new double[sequences.rows()];
    for (int from = 0; from < scores.length; from += SCORED_AT_A_TIME) {
      int to = Math.min(scores.length, from + SCORED_AT_A_TIME);
      Sequences part = sequences.rows(IntStream.range(from, to).toArray());
      try (NDManager own = manager.newSubManager()) {
        NDArray targets = own.create(part.targets(), new Shape(part.rows(), 1));
        float[] values = allScores(own, part, false).gather(targets, 1).toFloatArray();
        for (int i = 0; i < values.length; i++) {
          if (!Float.isFinite(values[i])) {
            throw notFinite("score", step, values[i]);
          }
          scores[from + i] = values[i];
        }
      }
    }
    return scores;
  }

  @Override
  public void close() {
    manager.close();
  }
}
