package dev.tallrec.benchmarks;

import dev.tallrec.files.AtomicFiles;
import dev.tallrec.model.BundledBase;
import dev.tallrec.rec.Domain;
import dev.tallrec.rec.RecData;
import dev.tallrec.rec.RecExample;
import dev.tallrec.safetensors.SafetensorsModel;
import dev.tallrec.text.ExampleEncoder;
import dev.tallrec.text.LabelledTokens;
import dev.tallrec.text.PromptTemplate;
import dev.tallrec.text.Tokenizer;
import dev.tallrec.train.MicroBatchPacker;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * What comes before the first product: opening weights, tokenizing, packing.
 *
 * <p>{@code java -jar benchmarks/target/benchmarks.jar TextBenchmark}
 *
 * <p>Last recorded (results/text.json; 2 virtual cores): openAndTouch 732 a second, tokenize
 * 902,000 tokens/s on one core, pack 1.57 million a second.
 */
@State(Scope.Benchmark)
@Warmup(iterations = 2, time = 1)
@Measurement(iterations = 3, time = 1)
public class TextBenchmark extends ForkedBenchmark {

  private static final int EXAMPLES = 256;

  private Path temporary;
  private Path model;
  private List<RecExample> examples;
  private ExampleEncoder encoder;
  private List<LabelledTokens> encoded;

  /** Unpacks the bundled base and reads examples. */
  @Setup
  public void setUp() throws IOException {
    temporary = Files.createTempDirectory("tallrec-benchmark-");
    model = BundledBase.unpack(temporary);
    examples = RecData.published(Domain.MOVIE).test().subList(0, EXAMPLES);
    encoder = new ExampleEncoder(Tokenizer.read(model), PromptTemplate.PAPER, 512, false);
    encoded = examples.stream().map(example -> encoder.encode(example.text()).tokens()).toList();
  }

  /** Removes what was unpacked. */
  @TearDown
  public void tearDown() throws IOException {
    AtomicFiles.deleteDirectory(temporary);
  }

  /** Encodes 256 examples. */
  @Benchmark
  public int tokenize(TokenRate rate) {
    int tokens = 0;
    for (RecExample example : examples) {
      tokens += encoder.encode(example.text()).tokens().ids().length;
    }
    rate.did(tokens);
    return tokens;
  }

  /** Splits 256 examples into micro-batches. */
  @Benchmark
  public int pack() {
    return new MicroBatchPacker(2048, true).split(encoded).size();
  }

  /** Maps the weights, checks the header, touches every page. */
  @Benchmark
  public long openAndTouch(Traffic traffic) throws IOException {
    long sum = 0;
    try (SafetensorsModel files = SafetensorsModel.open(model)) {
      for (String name : files.names()) {
        MemorySegment segment = files.tensor(name).segment();
        for (long at = 0; at < segment.byteSize(); at += 4096) {
          sum += segment.get(ValueLayout.JAVA_BYTE, at);
        }
        traffic.did((double) segment.byteSize());
      }
    }
    return sum;
  }
}
