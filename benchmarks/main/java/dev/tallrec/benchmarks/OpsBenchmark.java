package dev.tallrec.benchmarks;

import dev.tallrec.backend.AdamWStep;
import dev.tallrec.backend.AttentionLayout;
import dev.tallrec.backend.Device;
import dev.tallrec.backend.DeviceArena;
import dev.tallrec.backend.Dropout;
import dev.tallrec.backend.FrozenLinear;
import dev.tallrec.backend.Indices;
import dev.tallrec.backend.Matrix;
import dev.tallrec.backend.Ops;
import dev.tallrec.backend.RopeTable;
import dev.tallrec.llama.LlamaConfig;
import dev.tallrec.tensor.DType;
import dev.tallrec.tensor.Shape;
import dev.tallrec.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
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
 * Single operations at the sizes of a model's layer, over 512 tokens: GFLOP/s or GB/s, and their
 * share of the fastest product or copy that {@link DeviceUnderTest} measured just before. On a GPU
 * ({@code -p device=cuda}) the time is that of CUDA events.
 *
 * <p>{@code java -jar benchmarks/target/benchmarks.jar OpsBenchmark -p shape=MINI}
 *
 * <p>Last recorded (results/ops-mini.json; 2 virtual cores with AVX-512), GFLOP/s and share of the
 * best product: linear 416 (90 %), its backward pass 424 (91 %), attention 117 (24 %), its backward
 * pass 190 (38 %), lora 41 (9 %), its backward pass 55 (12 %). GB/s and share of the best copy,
 * which misses the caches: swiglu 67 (133 %), addRmsNorm 45 (64 %), rmsNormBackward 61 (76 %), rope
 * 42 (59 %), crossEntropy 20 (41 %), adamW 166 (225 %), linearOfOneToken 18 (24 %).
 */
@State(Scope.Benchmark)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 3, time = 1)
public class OpsBenchmark extends ForkedBenchmark {

  private static final int TOKENS = 512;
  private static final int LENGTH = 256;
  private static final int[] LENGTHS = {LENGTH, LENGTH * 3 / 4, LENGTH / 4};
  private static final int RANK = 8;
  private static final int LABELS = 32;
  private static final int PARAMETERS = 1 << 20;

  @Param({"MINI", "M15", "M110", "LAYER_OF_7B"})
  public ModelShape shape;

  private final Arena host = Arena.ofShared();
  private Device device;
  private Ops ops;
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
  private Matrix da;
  private Matrix db;
  private Indices positions;
  private RopeTable rope;
  private AttentionLayout packed;
  private AttentionLayout padded;
  private Heads heads;
  private Matrix logits;
  private Matrix weights;
  private Matrix losses;
  private Indices targets;
  private Matrix master;
  private Matrix gradients;
  private Matrix firstMoment;
  private Matrix secondMoment;
  private Matrix copy;

  /** Operands of attention. */
  private record Heads(
      Matrix q,
      Matrix k,
      Matrix v,
      Matrix out,
      Matrix lse,
      Matrix delta,
      Matrix dq,
      Matrix dk,
      Matrix dv) {}

  /** Fills everything with small numbers. */
  @Setup
  public void setUp(DeviceUnderTest deviceUnderTest) {
    device = deviceUnderTest.get();
    ops = device.ops();
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
    rstd = floats(TOKENS, 1);
    a = matrix(RANK, hiddenSize);
    b = matrix(hiddenSize, RANK);
    u = matrix(TOKENS, RANK);
    da = floats(RANK, hiddenSize);
    db = floats(hiddenSize, RANK);
    positions = indices(IntStream.range(0, TOKENS).map(row -> row % LENGTH).toArray());
    int half = config.headDim() / 2;
    rope = new RopeTable(floats(LENGTH, half), floats(LENGTH, half));
    packed = layout(false);
    padded = layout(true);
    heads = heads(padded.queryRows());
    logits = matrix(LABELS, config.vocabSize());
    weights = floats(LABELS, 1);
    losses = floats(LABELS, 1);
    targets = indices(new int[LABELS]);
    master = floats(1, PARAMETERS);
    gradients = floats(1, PARAMETERS);
    firstMoment = floats(1, PARAMETERS);
    secondMoment = floats(1, PARAMETERS);
    copy = device.computeType() == DType.F32 ? master : matrix(1, PARAMETERS);
  }

  private Heads heads(int rows) {
    int keyValueWidth = config.keyValueWidth();
    return new Heads(
        matrix(rows, config.queryWidth()),
        matrix(rows, keyValueWidth),
        matrix(rows, keyValueWidth),
        matrix(rows, config.queryWidth()),
        floats(config.numAttentionHeads(), rows),
        floats(config.numAttentionHeads(), rows),
        matrix(rows, config.queryWidth()),
        matrix(rows, keyValueWidth),
        matrix(rows, keyValueWidth));
  }

  /** Sequences of {@link #LENGTHS}, end to end or each filled up to the longest. */
  private AttentionLayout layout(boolean filled) {
    int[] segments = new int[LENGTHS.length * AttentionLayout.INTS_PER_SEGMENT];
    int rows = 0;
    for (int i = 0; i < LENGTHS.length; i++) {
      int length = filled ? LENGTH : LENGTHS[i];
      int at = i * AttentionLayout.INTS_PER_SEGMENT;
      segments[at] = rows;
      segments[at + 1] = length;
      segments[at + 2] = rows;
      rows += length;
    }
    long pairs = AttentionLayout.pairs(segments, LENGTHS.length);
    return new AttentionLayout(indices(segments), LENGTHS.length, rows, rows, LENGTH, pairs);
  }

  private Matrix matrix(int rows, int columns) {
    return filled(device.computeType(), rows, columns);
  }

  private Matrix floats(int rows, int columns) {
    return filled(DType.F32, rows, columns);
  }

  private Matrix filled(DType type, int rows, int columns) {
    Matrix matrix = Matrix.allocate(memory, "benchmark", type, rows, columns);
    ops.fill(matrix, 0.01f);
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
    host.close();
  }

  private static double bytes(Matrix matrix) {
    return (double) matrix.elementBytes();
  }

  private double gateUpFlop(int tokens) {
    return 2.0 * tokens * config.hiddenSize() * 2 * config.intermediateSize();
  }

  /** Of products of queries and keys: what causality hides and what is padded does not count. */
  private double attentionFlop(int products) {
    return packed.flop(products, config.queryWidth());
  }

  /** gate and up as one product, weights in fp16. */
  @Benchmark
  public void linear(Products products) {
    ops.linear(hidden, gateUp, wide, false);
    products.did(gateUpFlop(TOKENS));
  }

  /** Its input gradient. */
  @Benchmark
  public void linearBackward(Products products) {
    ops.linearBackward(wide, gateUp, hidden2, false);
    products.did(gateUpFlop(TOKENS));
  }

  /** A single token, as in decoding: bound by reading the weights. */
  @Benchmark
  public void linearOfOneToken(Traffic traffic) {
    ops.linear(hidden.rows(0, 1), gateUp, wide.rows(0, 1), false);
    traffic.did((double) Short.BYTES * gateUp.outFeatures() * gateUp.inFeatures());
  }

  /** LoRA r 8 forward with dropout. */
  @Benchmark
  public void lora(Products products) {
    ops.lora(hidden, a, b, 2, new Dropout(0.05f, 1, 1), u, hidden2);
    products.did(4.0 * TOKENS * RANK * config.hiddenSize());
  }

  /** LoRA r 8 backward with dropout. */
  @Benchmark
  public void loraBackward(Products products) {
    ops.loraBackward(hidden, hidden2, u, a, b, 2, new Dropout(0.05f, 1, 1), u, da, db, hidden2);
    products.did(8.0 * TOKENS * RANK * config.hiddenSize());
  }

  /** Sequences of 256, 192 and 64 tokens, end to end: only what causality shows counts as work. */
  @Benchmark
  public void attention(Products products) {
    attend(packed);
    products.did(attentionFlop(2));
  }

  /** The same sequences filled up to 256 tokens each, as who pads computes them; the same work. */
  @Benchmark
  public void attentionPadded(Products products) {
    attend(padded);
    products.did(attentionFlop(2));
  }

  private void attend(AttentionLayout layout) {
    ops.attention(heads.q, heads.k, heads.v, layout, config.headDim(), 1, heads.out, heads.lse);
  }

  /** Its gradient: five products where the forward pass has two. */
  @Benchmark
  public void attentionBackward(Products products) {
    attendBackward(packed);
    products.did(attentionFlop(5));
  }

  /** The same, padded. */
  @Benchmark
  public void attentionBackwardPadded(Products products) {
    attendBackward(padded);
    products.did(attentionFlop(5));
  }

  private void attendBackward(AttentionLayout layout) {
    ops.attentionBackward(
        heads.q,
        heads.k,
        heads.v,
        heads.out,
        heads.out,
        heads.lse,
        layout,
        config.headDim(),
        1,
        heads.delta,
        heads.dq,
        heads.dk,
        heads.dv);
  }

  /** Residual add and RMSNorm in one pass. */
  @Benchmark
  public void addRmsNorm(Traffic traffic) {
    ops.addRmsNorm(hidden, hidden2, norm, 1e-5f, hidden2, hidden, rstd);
    traffic.did(4 * bytes(hidden));
  }

  /** RMSNorm's gradient. */
  @Benchmark
  public void rmsNormBackward(Traffic traffic) {
    ops.rmsNormBackward(hidden, heads.q.rows(0, TOKENS), norm, rstd, hidden2);
    traffic.did(4 * bytes(hidden));
  }

  /** Rotary embedding of the queries, in place. */
  @Benchmark
  public void rope(Traffic traffic) {
    ops.rope(heads.dq.rows(0, TOKENS), positions, rope, false);
    traffic.did(2 * bytes(heads.dq.rows(0, TOKENS)));
  }

  /** SwiGLU. */
  @Benchmark
  public void swiglu(Traffic traffic) {
    int inner = config.intermediateSize();
    ops.swiglu(wide.columns(0, inner), wide.columns(inner, inner), wide.columns(0, inner));
    traffic.did(1.5 * bytes(wide));
  }

  /** Loss and gradient of 32 labels. */
  @Benchmark
  public void crossEntropy(Traffic traffic) {
    ops.crossEntropy(logits, targets, weights, 1, losses, logits);
    traffic.did(2 * bytes(logits));
  }

  /** AdamW over a million parameters. */
  @Benchmark
  public void adamW(Traffic traffic) {
    AdamWStep step = new AdamWStep(1e-3f, 0.9, 0.999, 1e-8f, 0, 10, 1);
    ops.adamW(master, gradients, firstMoment, secondMoment, copy, step);
    traffic.did(PARAMETERS * (7.0 * Float.BYTES + (copy == master ? 0 : copy.dtype().byteSize())));
  }

  /** y += x. */
  @Benchmark
  public void add(Traffic traffic) {
    ops.add(hidden, hidden2);
    traffic.did(3 * bytes(hidden));
  }
}
