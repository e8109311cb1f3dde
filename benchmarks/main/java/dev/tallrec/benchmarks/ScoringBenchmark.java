package dev.tallrec.benchmarks;

import dev.tallrec.llama.Adapter;
import dev.tallrec.llama.LlamaConfig;
import dev.tallrec.llama.LlamaNetwork;
import dev.tallrec.llama.LlamaWeights;
import dev.tallrec.rec.Taste;
import dev.tallrec.rec.TasteScorer;
import dev.tallrec.text.AnswerTokens;
import java.io.IOException;
import java.util.List;
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
 * Scoring of 64 random prompts as long as the movie test set's, which begin with the same
 * instruction, whose keys and values are kept; or else do not, and everything is computed.
 *
 * <p>{@code java -jar benchmarks/target/benchmarks.jar ScoringBenchmark -p shape=MINI}
 *
 * <p>Last recorded (results/savings.md; 2 virtual cores with AVX-512), of these 64 a second: MINI
 * 3.85, M15 2.80; without a common instruction 2.49 and 1.86.
 */
@State(Scope.Benchmark)
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 3, time = 2)
public class ScoringBenchmark extends ForkedBenchmark {

  private static final int PROMPTS = 64;
  private static final int LENGTH = 234;
  private static final int INSTRUCTION = 91;
  private static final int BATCH_TOKENS = 2048;
  private static final int SEED = 4;
  private static final AnswerTokens ANSWERS = new AnswerTokens(5, 9);

  @Param({"MINI", "M15"})
  public ModelShape shape;

  /** If not, the first tokens differ: nothing is computed once for all. */
  @Param({"true", "false"})
  public boolean commonInstruction;

  private RandomWeights source;
  private LlamaWeights weights;
  private TasteScorer scorer;

  /** Builds the model and the prompts. */
  @Setup
  public void setUp(DeviceUnderTest deviceUnderTest) throws IOException {
    LlamaConfig config = shape.config();
    source = RandomWeights.ofEachLayer(config, deviceUnderTest.get().computeType());
    weights = LlamaWeights.load(deviceUnderTest.get(), config, source);
    scorer =
        new TasteScorer(
            new LlamaNetwork(deviceUnderTest.get(), weights),
            Adapter.NONE,
            ANSWERS,
            prompts(config.vocabSize()),
            BATCH_TOKENS);
  }

  private List<int[]> prompts(int vocabSize) {
    RandomTokens random = new RandomTokens(vocabSize, SEED);
    int[] instruction = random.of(INSTRUCTION);
    return IntStream.range(0, PROMPTS)
        .mapToObj(prompt -> {
          int[] ids = random.after(instruction, LENGTH);
          if (!commonInstruction) {
            ids[0] = RandomTokens.FIRST + prompt;
          }
          return ids;
        })
        .toList();
  }

  /** Gives everything back. */
  @TearDown
  public void tearDown() {
    scorer.close();
    weights.close();
    source.close();
  }

  /** Tokens count whether they are computed or not. */
  @Benchmark
  public List<Taste> score(TokenRate rate) {
    List<Taste> tastes = scorer.score((done, all) -> {});
    rate.did(PROMPTS * LENGTH);
    return tastes;
  }
}
