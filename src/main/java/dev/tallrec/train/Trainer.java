package dev.tallrec.train;

import dev.tallrec.backend.Cleanup;
import dev.tallrec.backend.Device;
import dev.tallrec.llama.LlamaNetwork;
import dev.tallrec.llama.TokenBatch;
import dev.tallrec.llama.Workspace;
import dev.tallrec.llama.WorkspacePlan;
import dev.tallrec.lora.LoraAdapter;
import dev.tallrec.lora.LoraParameters;
import dev.tallrec.text.LabelledTokens;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.function.BooleanSupplier;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import org.jspecify.annotations.Nullable;

/**
 * Tunes an adapter on examples. Both stages of TALLRec are this one trainer over two sources of
 * examples.
 *
 * <p>Order of examples and dropout are functions of the seed and the step alone, so a resumed run
 * makes the same steps, bit for bit, as one that was never stopped.
 */
public final class Trainer implements AutoCloseable {

  /**
   * Scores the adapter as it is; the higher the better. Computes in the trainer's own workspace,
   * whose activations nobody needs between steps: on a GPU that training fills there is no room for
   * another.
   */
  public interface Evaluation {

    /** Most tokens that it needs at a time. */
    int tokens();

    /** Most sequences that it needs at a time. */
    int sequences();

    /**
     * The score.
     *
     * @param workspace of at least so many tokens and sequences, with the adapter to score
     * @throws TrainingStoppedException if it was told to stop: it is made again when the run goes
     *     on
     */
    double score(Workspace workspace) throws IOException, TrainingStoppedException;
  }

  private final Device device;
  private final LlamaNetwork network;
  private final TrainingConfig config;
  private final LoraAdapter adapter;
  private final LoraParameters parameters;
  private final AdamW optimizer;
  private final LossScale lossScale;
  private final MicroBatchPacker packer;
  private final TokenBatch batch;
  private final Workspace workspace;
  private final @Nullable Evaluation evaluation;
  private final float dropout;

  /** A trainer that does not evaluate in between. */
  public Trainer(LlamaNetwork network, LoraAdapter adapter, TrainingConfig config) {
    this(network, adapter, config, null);
  }

  /**
   * Plans and allocates everything a run needs.
   *
   * @param adapter what to tune; holds the result after {@link #train}
   * @param evaluation made before the first step and then as configured; null for none. The first
   *     one is told and logged, no more: only what was trained can be best, and patience counts
   *     from there, as in the paper's scripts
   * @throws dev.tallrec.backend.DeviceMemoryException if it does not fit
   */
  public Trainer(
      LlamaNetwork network,
      LoraAdapter adapter,
      TrainingConfig config,
      @Nullable Evaluation evaluation) {
    this.evaluation = evaluation;
    this.device = network.device();
    this.network = network;
    this.config = config;
    this.adapter = adapter;
    this.dropout = (float) adapter.config().dropout();
    this.lossScale = new LossScale(device.computeType());
    this.packer = new MicroBatchPacker(config.microBatchTokens(), config.sharePrefix());
    int trained = packer.maxSequences(config.batchSize());
    this.batch = new TokenBatch(config.microBatchTokens(), trained);
    int maxTokens =
        Math.max(config.microBatchTokens(), evaluation == null ? 0 : evaluation.tokens());
    int maxSequences = Math.max(trained, evaluation == null ? 0 : evaluation.sequences());
    this.parameters = new LoraParameters(device, network.config(), adapter);
    try {
      this.optimizer = new AdamW(device, parameters, config.adamW());
      try {
        this.workspace = workspace(maxTokens, maxSequences);
      } catch (RuntimeException | Error e) {
        Cleanup.after(e, optimizer::close);
        throw e;
      }
    } catch (RuntimeException | Error e) {
      Cleanup.after(e, parameters::close);
      throw e;
    }
  }

  private Workspace workspace(int maxTokens, int maxSequences) {
    int savedLayers =
        config.savedLayers() >= 0
            ? config.savedLayers()
            : Workspace.layersThatFit(
                device, network.config(), parameters, maxTokens, maxSequences);
    return new Workspace(
        device,
        network.config(),
        parameters,
        WorkspacePlan.forTraining(network.config(), maxTokens, maxSequences, savedLayers));
  }

  /** Layers whose activations are kept from forward to backward pass. */
  public int savedLayers() {
    return workspace.plan().savedLayers();
  }

  /**
   * Runs all epochs, or fewer if patience runs out.
   *
   * @param checkpoint directory to save the state in after each evaluation and when stopped, and to
   *     resume from if it holds one; empty for none
   * @param stop asked after each step whether to stop
   * @throws TrainingStoppedException if {@code stop} said so, or an evaluation was told to; the
   *     state has been saved if there is where
   * @throws IOException if the checkpoint is broken, or of a run that differs in what steps depend
   *     on, naming the difference
   * @throws ArithmeticException if gradients stay infinite or NaN
   */
  public TrainingResult train(
      List<LabelledTokens> examples,
      TrainingListener listener,
      Optional<Path> checkpoint,
      BooleanSupplier stop)
      throws IOException, TrainingStoppedException {
    if (examples.isEmpty()) {
      throw new IllegalArgumentException("no examples to train on");
    }
    packer.split(examples);
    try (Run run = new Run(examples, listener, checkpoint)) {
      if (checkpoint.isPresent() && Checkpoint.exists(checkpoint.get())) {
        run.resume(Checkpoint.read(checkpoint.get(), run.fingerprint));
      }
      if (run.isEvaluationMissing()) {
        run.evaluate();
      }
      long total = config.totalSteps(examples.size());
      while (run.step < total && !run.stoppedEarly) {
        run.step();
        if (run.isEvaluationDue()) {
          run.evaluate();
          run.save();
        }
        if (run.step < total && !run.stoppedEarly && stop.getAsBoolean()) {
          throw run.stopped();
        }
      }
      return run.finish();
    }
  }

  /** State of one call of {@link #train}. Owner of the best weights so far. */
  private final class Run implements AutoCloseable {
    private final List<LabelledTokens> examples;
    private final TrainingListener listener;
    private final Optional<Path> checkpoint;
    private final List<TrainingListener.Step> stepLog = new ArrayList<>();
    private final List<TrainingListener.Evaluated> evaluationLog = new ArrayList<>();
    private final Map<String, String> fingerprint;
    private final LoraAdapter best;
    private final long start = System.nanoTime();
    private List<Integer> order = List.of();
    private int orderedEpoch = -1;
    private long step;
    private long bestStep;
    private double bestScore = Double.NaN;
    private int evaluationsSinceBest;
    private boolean stoppedEarly;
    private double secondsBefore;

    Run(List<LabelledTokens> examples, TrainingListener listener, Optional<Path> checkpoint) {
      this.examples = examples;
      this.listener = listener;
      this.checkpoint = checkpoint;
      this.fingerprint = Fingerprint.of(network, adapter.config(), config, examples);
      this.best = LoraAdapter.zeros(network.config(), adapter.config());
    }

    void step() {
      long start = System.nanoTime();
      int stepsPerEpoch = config.stepsPerEpoch(examples.size());
      int epoch = (int) (step / stepsPerEpoch);
      int from = (int) (step % stepsPerEpoch) * config.batchSize();
      orderFor(epoch);
      List<LabelledTokens> chosen = new ArrayList<>();
      long labels = 0;
      long tokens = 0;
      for (int index : order.subList(from, Math.min(from + config.batchSize(), examples.size()))) {
        LabelledTokens example = examples.get(index);
        chosen.add(example);
        labels += example.labelCount();
        tokens += example.ids().length;
      }
      double loss = 0;
      int part = 0;
      float gradientScale = (float) (lossScale.value() / labels);
      for (List<LabelledTokens> group : packer.split(chosen)) {
        packer.fill(batch, group);
        loss +=
            network.lossAndGradients(
                workspace, batch, gradientScale, dropout, dropoutSeed(step, part++));
      }
      double learningRate =
          config.learningRate()
              * config
                  .schedule()
                  .factor(step, config.warmupSteps(), config.totalSteps(examples.size()));
      double gradientNorm =
          optimizer.step(learningRate, config.maxGradientNorm(), lossScale.value());
      boolean applied = Double.isFinite(gradientNorm);
      lossScale.update(applied);
      step++;
      TrainingListener.Step report =
          new TrainingListener.Step(
              step,
              config.totalSteps(examples.size()),
              epoch + 1,
              loss / labels,
              learningRate,
              gradientNorm,
              tokens,
              (System.nanoTime() - start) / 1e9,
              applied);
      stepLog.add(report);
      listener.onStep(report);
    }

    private void orderFor(int epoch) {
      if (epoch == orderedEpoch) {
        return;
      }
      List<Integer> shuffled = new ArrayList<>();
      for (int i = 0; i < examples.size(); i++) {
        shuffled.add(i);
      }
      RandomGenerator random =
          RandomGeneratorFactory.of("L64X128MixRandom").create(mix(config.seed(), epoch));
      Collections.shuffle(shuffled, Random.from(random));
      order = shuffled;
      orderedEpoch = epoch;
    }

    boolean isEvaluationDue() {
      int every =
          config.evaluateEvery() > 0
              ? config.evaluateEvery()
              : config.stepsPerEpoch(examples.size());
      return step % every == 0 || step == config.totalSteps(examples.size());
    }

    /** Whether the state is one to evaluate that was not: it was stopped meanwhile, or is new. */
    boolean isEvaluationMissing() {
      return isEvaluationDue()
          && (evaluationLog.isEmpty() || evaluationLog.getLast().step() != step);
    }

    /** Saves the state, from which all but an unfinished evaluation goes on. */
    TrainingStoppedException stopped() throws IOException {
      save();
      return new TrainingStoppedException(
          "stopped after step %d of %d%s"
              .formatted(
                  step,
                  config.totalSteps(examples.size()),
                  checkpoint.map(path -> "; the same command goes on from " + path).orElse("")));
    }

    void evaluate() throws IOException, TrainingStoppedException {
      if (evaluation == null) {
        return;
      }
      double score;
      try {
        score = evaluation.score(workspace);
      } catch (TrainingStoppedException e) {
        TrainingStoppedException stopped = stopped();
        stopped.addSuppressed(e);
        throw stopped;
      }
      boolean trained = step > 0;
      boolean better = trained && (Double.isNaN(bestScore) || score > bestScore);
      if (better) {
        bestScore = score;
        bestStep = step;
        evaluationsSinceBest = 0;
        parameters.download();
        best.copyFrom(adapter);
      } else if (trained) {
        evaluationsSinceBest++;
        stoppedEarly = config.patience() > 0 && evaluationsSinceBest >= config.patience();
      }
      TrainingListener.Evaluated report = new TrainingListener.Evaluated(step, score, better);
      evaluationLog.add(report);
      listener.onEvaluation(report);
    }

    void save() throws IOException {
      if (checkpoint.isPresent()) {
        parameters.download();
        Checkpoint.write(
            checkpoint.get(),
            new Checkpoint.State(
                fingerprint,
                step,
                optimizer.steps(),
                lossScale.state(),
                bestStep,
                bestScore,
                evaluationsSinceBest,
                stoppedEarly,
                seconds(),
                stepLog,
                evaluationLog),
            device,
            adapter,
            best,
            optimizer);
      }
    }

    void resume(Checkpoint saved) throws IOException {
      Checkpoint.State state = saved.state();
      saved.restore(device, adapter, best, optimizer);
      parameters.upload();
      step = state.step();
      optimizer.restoreSteps(state.optimizerSteps());
      lossScale.restore(state.lossScale());
      bestStep = state.bestStep();
      bestScore = state.bestScore();
      evaluationsSinceBest = state.evaluationsSinceBest();
      stoppedEarly = state.stoppedEarly();
      secondsBefore = state.seconds();
      stepLog.addAll(state.stepLog());
      evaluationLog.addAll(state.evaluationLog());
    }

    private double seconds() {
      return secondsBefore + (System.nanoTime() - start) / 1e9;
    }

    TrainingResult finish() {
      if (evaluation == null) {
        parameters.download();
      } else {
        adapter.copyFrom(best);
        parameters.upload();
      }
      return new TrainingResult(
          step,
          evaluation == null ? step : bestStep,
          bestScore,
          stoppedEarly,
          lossScale.skipped(),
          seconds(),
          List.copyOf(stepLog),
          List.copyOf(evaluationLog));
    }

    @Override
    public void close() {
      best.close();
    }
  }

  private long dropoutSeed(long step, int part) {
    return mix(mix(config.seed(), step), part);
  }

  /** SplitMix64's finalizer over the two: neighbouring seeds and steps give unrelated streams. */
  private static long mix(long seed, long index) {
    long z = seed * 0x9e3779b97f4a7c15L + index + 1;
    z = (z ^ (z >>> 30)) * 0xbf58476d1ce4e5b9L;
    z = (z ^ (z >>> 27)) * 0x94d049bb133111ebL;
    return z ^ (z >>> 31);
  }

  @Override
  public void close() {
    workspace.close();
    optimizer.close();
    parameters.close();
  }
}
