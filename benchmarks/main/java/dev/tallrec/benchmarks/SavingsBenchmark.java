package dev.tallrec.benchmarks;

import dev.tallrec.backend.Device;
import dev.tallrec.llama.LlamaConfig;
import dev.tallrec.llama.Projection;
import dev.tallrec.llama.TokenBatch;
import dev.tallrec.llama.Workspace;
import dev.tallrec.llama.WorkspacePlan;
import dev.tallrec.lora.LoraConfig;
import dev.tallrec.lora.TargetModules;
import dev.tallrec.text.LabelledTokens;
import dev.tallrec.train.MicroBatchPacker;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * What training gains by what it does not compute: a forward and backward pass over 32 random
 * examples as long as the movie set's, which begin with the same instruction and end with an
 * answer, with each saving undone. What scoring gains is in {@link ScoringBenchmark}.
 *
 * <p>{@code java -jar benchmarks/target/benchmarks.jar SavingsBenchmark}
 *
 * <p>Last recorded (results/savings.md; 2 virtual cores with AVX-512), MINI and M15: the common
 * instruction once 1.49 and 1.45 times as fast, no padding 1.39 and 1.28, the answer's logits alone
 * 1.48 and 2.14, the upper half adapted 1.50 and 1.61.
 */
@State(Scope.Benchmark)
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 3, time = 2)
public class SavingsBenchmark extends ForkedBenchmark {

  private static final int EXAMPLES = 32;
  private static final int SHORTEST = 160;
  private static final int LONGEST = 310;
  private static final int INSTRUCTION = 91;
  private static final int ANSWER = 2;
  private static final int SEED = 5;
  private static final float DROPOUT = 0.05f;

  /** What is computed. */
  public enum Computed {
    /** What the trainer computes. */
    AS_TRAINED,
    /** The common instruction again for each example. */
    PREFIX_EACH_TIME,
    /** The same, and every example as long as the longest, as in padded batches. */
    PADDING_TOO,
    /** Logits, loss and the last block's queries at every token, not at the answer alone. */
    ALL_LOGITS,
    /** Less: only the upper half of the layers is adapted, nothing below has a gradient. */
    UPPER_HALF_ADAPTED
  }

  @Param({"MINI", "M15"})
  public ModelShape shape;

  @Param public Computed computed;

  private RandomModel model;
  private Workspace workspace;
  private TokenBatch batch;

  /** Builds the model and a batch. */
  @Setup
  public void setUp(DeviceUnderTest deviceUnderTest) throws IOException {
    LlamaConfig config = shape.config();
    Device device = deviceUnderTest.get();
    model = new RandomModel(device, config, adaptation(config.numHiddenLayers()));
    List<LabelledTokens> examples = examples(config.vocabSize());
    int tokens = examples.stream().mapToInt(example -> example.ids().length).sum();
    boolean share = computed != Computed.PREFIX_EACH_TIME && computed != Computed.PADDING_TOO;
    MicroBatchPacker packer = new MicroBatchPacker(tokens, share);
    int sequences = packer.maxSequences(EXAMPLES);
    batch = new TokenBatch(tokens, sequences);
    packer.fill(batch, examples);
    workspace =
        new Workspace(
            device,
            config,
            model.parameters(),
            WorkspacePlan.forTraining(config, tokens, sequences, config.numHiddenLayers()));
  }

  private LoraConfig adaptation(int layers) {
    Optional<Set<Integer>> adapted =
        computed == Computed.UPPER_HALF_ADAPTED
            ? Optional.of(IntStream.range(layers / 2, layers).boxed().collect(Collectors.toSet()))
            : Optional.empty();
    return new LoraConfig(
        8,
        16,
        DROPOUT,
        TargetModules.of(EnumSet.of(Projection.Q_PROJ, Projection.V_PROJ)),
        false,
        adapted);
  }

  private List<LabelledTokens> examples(int vocabSize) {
    RandomTokens random = new RandomTokens(vocabSize, SEED);
    int[] instruction = random.of(INSTRUCTION);
    List<LabelledTokens> examples = new ArrayList<>();
    for (int i = 0; i < EXAMPLES; i++) {
      int drawn = random.length(SHORTEST, LONGEST);
      int length = computed == Computed.PADDING_TOO ? LONGEST : drawn;
      int[] ids = random.after(instruction, length);
      boolean[] isLabel = new boolean[length];
      Arrays.fill(isLabel, computed == Computed.ALL_LOGITS ? 1 : length - ANSWER, length, true);
      examples.add(new LabelledTokens(ids, isLabel));
    }
    return examples;
  }

  /** Gives everything back. */
  @TearDown
  public void tearDown() {
    workspace.close();
    model.close();
  }

  /** Forward and backward; tokens count where they are computed. */
  @Benchmark
  public double pass(TokenRate rate) {
    double loss =
        model
            .network()
            .lossAndGradients(workspace, batch, (float) (1 / batch.labelWeight()), DROPOUT, 1);
    rate.did(batch.tokens());
    return loss;
  }
}
