package dev.tallrec.benchmarks;

import dev.tallrec.backend.AdamWStep;
import dev.tallrec.backend.AttentionLayout;
import dev.tallrec.backend.DeviceArena;
import dev.tallrec.backend.Dropout;
import dev.tallrec.backend.FrozenLinear;
import dev.tallrec.backend.Indices;
import dev.tallrec.backend.Matrix;
import dev.tallrec.backend.cpu.CpuDevice;
import dev.tallrec.llama.LlamaConfig;
import dev.tallrec.tensor.DType;
import dev.tallrec.tensor.Shape;
import dev.tallrec.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Single operations at the sizes of a model's layer, over 512 tokens. {@code linear} is the product
 * that others are measured by: the best GFLOP/s there is the machine's ceiling, {@code add} the
 * same for GB/s.
 *
 * <p>{@code java -jar benchmarks/target/benchmarks.jar OpsBenchmark -p shape=MINI}; last figures in
 * results/.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 3, time = 3)
@Measurement(iterations = 3, time = 1)
@Fork(
    value = 3,
    jvmArgsAppend = {"--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED"})
public class OpsBenchmark {

  private static final int TOKENS = 512;
  private static final int RANK = 8;
  private static final double GIGA = 1e9;

  @Param({"MINI", "M110", "LAYER_OF_7B"})
  public ModelShape shape;

  private final Arena host = Arena.ofShared();
  private CpuDevice device;
  private DeviceArena memory;
  private LlamaConfig config;
  private FrozenLinear gateUp;
  private Matrix hidden;
  private Matrix hidden2;
  private Matrix wide;
  private Matrix norm;
  private Matrix rstd;
  private Matrix a;
  private Matrix b;
  private Matrix u;
  private Matrix q;
  private Matrix k;
  private Matrix v;
  private Matrix attention;
  private Matrix dq;
  private Matrix dk;
  private Matrix dv;
  private Matrix lse;
  private Matrix delta;
  private AttentionLayout packed;
  private Matrix logits;
  private Matrix weights;
  private Matrix losses;
  private Indices targets;
  private Matrix flat1;
  private Matrix flat2;
  private Matrix flat3;
  private Matrix flat4;
  private Matrix da;
  private Matrix db;

  /** Fills everything with small numbers. */
  @Setup
  public void setUp() {
    device = CpuDevice.ofAllProcessors();
    memory = device.newArena();
    config = shape.config();
    int hiddenSize = config.hiddenSize();
    int inner = config.intermediateSize();
    Tensor values = Tensor.allocate(host, "w", DType.F16, Shape.of(2L * inner, hiddenSize));
    for (long i = 0; i < values.shape().elementCount(); i++) {
      values.setFloatAt(i, (float) Math.sin((double) i));
    }
    gateUp = device.loadLinear(memory, List.of(values));
    hidden = matrix(TOKENS, hiddenSize);
    hidden2 = matrix(TOKENS, hiddenSize);
    wide = matrix(TOKENS, 2 * inner);
    norm = matrix(1, hiddenSize);
    rstd = matrix(TOKENS, 1);
    a = matrix(RANK, hiddenSize);
    b = matrix(hiddenSize, RANK);
    u = matrix(TOKENS, RANK);
    q = matrix(TOKENS, config.queryWidth());
    k = matrix(TOKENS, config.keyValueWidth());
    v = matrix(TOKENS, config.keyValueWidth());
    attention = matrix(TOKENS, config.queryWidth());
    dq = matrix(TOKENS, config.queryWidth());
    dk = matrix(TOKENS, config.keyValueWidth());
    dv = matrix(TOKENS, config.keyValueWidth());
    lse = matrix(config.numAttentionHeads(), TOKENS);
    delta = matrix(config.numAttentionHeads(), TOKENS);
    packed =
        new AttentionLayout(
            indices(0, 256, 0, 0, 0, 0, 256, 256, 256, 0, 0, 0), 2, TOKENS, TOKENS, 256);
    logits = matrix(32, config.vocabSize());
    weights = matrix(32, 1);
    losses = matrix(32, 1);
    targets = indices(new int[32]);
    flat1 = matrix(1, 1 << 20);
    flat2 = matrix(1, 1 << 20);
    flat3 = matrix(1, 1 << 20);
    flat4 = matrix(1, 1 << 20);
    da = matrix(RANK, hiddenSize);
    db = matrix(hiddenSize, RANK);
  }

  private Matrix matrix(int rows, int columns) {
    Matrix matrix = Matrix.allocate(memory, "benchmark", DType.F32, rows, columns);
    device.ops().fill(matrix, 0.01f);
    return matrix;
  }

  private Indices indices(int... values) {
    Indices indices = Indices.allocate(memory, "benchmark", values.length);
    device.upload(host.allocateFrom(ValueLayout.JAVA_INT, values), indices.buffer());
    return indices;
  }

  /** Gives everything back. */
  @TearDown
  public void tearDown() {
    memory.close();
    device.close();
    host.close();
  }

  private static double bytes(Matrix... matrices) {
    double sum = 0;
    for (Matrix matrix : matrices) {
      sum += matrix.elementCount() * Float.BYTES;
    }
    return sum / GIGA;
  }

  /** gate and up as one product, weights in fp16. */
  @Benchmark
  public void linear(Work work) {
    device.ops().linear(hidden, gateUp, wide, false);
    work.gflop += 2.0 * TOKENS * config.hiddenSize() * 2 * config.intermediateSize() / GIGA;
  }

  /** Its input gradient. */
  @Benchmark
  public void linearBackward(Work work) {
    device.ops().linearBackward(wide, gateUp, hidden2, false);
    work.gflop += 2.0 * TOKENS * config.hiddenSize() * 2 * config.intermediateSize() / GIGA;
  }

  /** A single token, as in decoding: bound by reading the weights. */
  @Benchmark
  public void linearOfOneToken(Work work) {
    device.ops().linear(hidden.rows(0, 1), gateUp, wide.rows(0, 1), false);
    work.gbyte += 2.0 * config.hiddenSize() * 2 * config.intermediateSize() / GIGA;
  }

  /** LoRA r 8 forward with dropout. */
  @Benchmark
  public void lora(Work work) {
    device.ops().lora(hidden, a, b, 2, new Dropout(0.05f, 1, 1), u, hidden2);
    work.gflop += 4.0 * TOKENS * RANK * config.hiddenSize() / GIGA;
    work.gbyte += bytes(hidden, hidden2, hidden2);
  }

  /** LoRA r 8 backward without dropout. */
  @Benchmark
  public void loraBackward(Work work) {
    device.ops().loraBackward(hidden, hidden2, u, a, b, 2, Dropout.NONE, u, da, db, hidden2);
    work.gflop += 8.0 * TOKENS * RANK * config.hiddenSize() / GIGA;
  }

  /** Two packed sequences of 256 tokens. */
  @Benchmark
  public void attention(Work work) {
    device.ops().attention(q, k, v, packed, config.headDim(), 0.1f, attention, lse);
    work.gflop += 2 * 2.0 * 256 * 256 * config.queryWidth() / GIGA;
  }

  /** Its gradient: five products where the forward pass has two. */
  @Benchmark
  public void attentionBackward(Work work) {
    device
        .ops()
        .attentionBackward(
            q, k, v, attention, attention, lse, packed, config.headDim(), 0.1f, delta, dq, dk, dv);
    work.gflop += 2 * 5.0 * 256 * 256 * config.queryWidth() / GIGA;
  }

  /** Residual add and RMSNorm in one pass. */
  @Benchmark
  public void addRmsNorm(Work work) {
    device.ops().addRmsNorm(hidden, hidden2, norm, 1e-5f, hidden2, hidden, rstd);
    work.gbyte += bytes(hidden, hidden2, hidden2, hidden);
  }

  /** SwiGLU. */
  @Benchmark
  public void swiglu(Work work) {
    int inner = config.intermediateSize();
    device.ops().swiglu(wide.columns(0, inner), wide.columns(inner, inner), wide.columns(0, inner));
    work.gbyte += bytes(wide) * 1.5;
  }

  /** Loss and gradient of 32 labels. */
  @Benchmark
  public void crossEntropy(Work work) {
    device.ops().crossEntropy(logits, targets, weights, 1, losses, logits);
    work.gbyte += bytes(logits, logits);
  }

  /** AdamW over a million parameters. */
  @Benchmark
  public void adamW(Work work) {
    device
        .ops()
        .adamW(
            flat1, flat2, flat3, flat4, flat1, new AdamWStep(1e-3f, 0.9, 0.999, 1e-8f, 0, 10, 1));
    work.gbyte += bytes(flat1, flat1, flat2, flat3, flat3, flat4, flat4);
  }

  /** y += x over four megabytes each: the machine's memory. */
  @Benchmark
  public void add(Work work) {
    device.ops().add(flat1, flat2);
    work.gbyte += bytes(flat1, flat2, flat2);
  }
}
