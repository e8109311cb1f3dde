package dev.tallrec.backend.cuda;

import dev.tallrec.backend.AdamWStep;
import dev.tallrec.backend.AttentionLayout;
import dev.tallrec.backend.Dropout;
import dev.tallrec.backend.FrozenLinear;
import dev.tallrec.backend.Indices;
import dev.tallrec.backend.Matrix;
import dev.tallrec.backend.Operands;
import dev.tallrec.backend.Ops;
import dev.tallrec.backend.RopeTable;
import dev.tallrec.backend.cuda.CudaAttention.Rotation;
import dev.tallrec.backend.cuda.CudaDriver.Grid;
import dev.tallrec.backend.cuda.CudaDriver.Operand;
import dev.tallrec.backend.cuda.CudaDriver.Span;
import dev.tallrec.tensor.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Checks operands and launches kernels: grids, blocks and arguments as the .cu files of
 * native-kernels expect them.
 */
final class CudaOps implements Ops, AutoCloseable {

  private static final int ROW_THREADS = 256;
  private static final int NORM_BLOCKS = 64;
  private static final int FLAT_BLOCKS = 1024;
  // Elements of a block in optimizer.cu: four for each thread.
  private static final int FLAT_STEP = ROW_THREADS * 4;
  private static final int FLAT_ROW = 4096;

  private final CudaDriver driver;
  private final DType type;
  private final String suffix;
  private final Operands operands;
  private final CudaLora lora;
  private final CudaAttention attention;
  private final long partials;
  private final Arena host = Arena.ofShared();
  private final MemorySegment hostPartials = host.allocate(ValueLayout.JAVA_DOUBLE, NORM_BLOCKS);

  CudaOps(CudaDriver driver, DType type) {
    this.driver = driver;
    this.type = type;
    this.suffix = suffix(type);
    this.operands = new Operands(type);
    this.lora = new CudaLora(driver, suffix);
    this.attention = new CudaAttention(driver, type, suffix);
    this.partials = driver.allocate((long) NORM_BLOCKS * Double.BYTES, "partial norms");
  }

  static String suffix(DType type) {
    return "_" + type.name().toLowerCase(Locale.ROOT);
  }

  /** A matrix as an argument of a kernel. */
  static Span span(Matrix matrix) {
    return new Span(CudaBuffer.address(matrix), matrix.elementBytes());
  }

  static long stride(Matrix matrix) {
    return matrix.stride();
  }

  private static Operand operand(Matrix matrix) {
    return new Operand(CudaBuffer.address(matrix), matrix.stride());
  }

  /** A block a row. */
  private void rows(String kernel, int rows, Object... arguments) {
    if (rows > 0) {
      driver.launch(kernel, Grid.of(rows), ROW_THREADS, arguments);
    }
  }

  @Override
  public void embedding(Indices ids, FrozenLinear table, Matrix out) {
    operands.embedding(ids, table, out);
    CudaLinear weights = CudaLinear.of(table);
    rows(
        "gather_rows" + suffix,
        out.rows(),
        weights.address(),
        (long) weights.inFeatures(),
        CudaBuffer.address(ids),
        span(out),
        stride(out),
        out.columns());
  }

  @Override
  public void rmsNorm(Matrix x, Matrix weight, float epsilon, Matrix out, Matrix rstd) {
    operands.rmsNorm(x, weight, out, rstd);
    rows(
        "rms_norm" + suffix,
        x.rows(),
        span(x),
        stride(x),
        span(weight),
        epsilon,
        span(out),
        stride(out),
        span(rstd),
        stride(rstd),
        x.columns());
  }

  @Override
  public void addRmsNorm(
      Matrix x, Matrix delta, Matrix weight, float epsilon, Matrix sum, Matrix out, Matrix rstd) {
    operands.addRmsNorm(x, delta, weight, sum, out, rstd);
    rows(
        "add_rms_norm" + suffix,
        x.rows(),
        span(x),
        stride(x),
        span(delta),
        stride(delta),
        span(weight),
        epsilon,
        span(sum),
        stride(sum),
        span(out),
        stride(out),
        span(rstd),
        stride(rstd),
        x.columns());
  }

  @Override
  public void rmsNormBackward(Matrix dout, Matrix x, Matrix weight, Matrix rstd, Matrix dx) {
    operands.rmsNormBackward(dout, x, weight, rstd, dx);
    rows(
        "rms_norm_backward" + suffix,
        x.rows(),
        span(dout),
        stride(dout),
        span(x),
        stride(x),
        span(weight),
        span(rstd),
        stride(rstd),
        span(dx),
        stride(dx),
        x.columns());
  }

  @Override
  public void rope(Matrix x, Indices positions, RopeTable table, boolean inverse) {
    operands.rope(x, positions, table);
    rows(
        "rope" + suffix,
        x.rows(),
        span(x),
        stride(x),
        CudaBuffer.address(positions),
        span(table.cos()),
        span(table.sin()),
        stride(table.cos()),
        table.headDim() / 2,
        x.columns(),
        inverse ? -1f : 1f);
  }

  @Override
  public void swiglu(Matrix gate, Matrix up, Matrix out) {
    operands.swiglu(gate, up, out);
    rows(
        "swiglu" + suffix,
        gate.rows(),
        span(gate),
        stride(gate),
        span(up),
        stride(up),
        span(out),
        stride(out),
        gate.columns());
  }

  @Override
  public void swigluBackward(Matrix dout, Matrix gate, Matrix up, Matrix dgate, Matrix dup) {
    operands.swigluBackward(dout, gate, up, dgate, dup);
    rows(
        "swiglu_backward" + suffix,
        gate.rows(),
        span(dout),
        stride(dout),
        span(gate),
        stride(gate),
        span(up),
        stride(up),
        span(dgate),
        stride(dgate),
        span(dup),
        stride(dup),
        gate.columns());
  }

  @Override
  public void linear(Matrix x, FrozenLinear weight, Matrix y, boolean accumulate) {
    operands.linear(x, weight, y);
    if (x.rows() > 0) {
      driver.gemm(
          new CudaDriver.Gemm(
              type,
              x.rows(),
              weight.outFeatures(),
              weight.inFeatures(),
              true,
              operand(x),
              CudaLinear.of(weight).operand(),
              accumulate,
              operand(y)));
    }
  }

  @Override
  public void linearBackward(Matrix dy, FrozenLinear weight, Matrix dx, boolean accumulate) {
    operands.linearBackward(dy, weight, dx);
    if (dy.rows() > 0) {
      driver.gemm(
          new CudaDriver.Gemm(
              type,
              dy.rows(),
              weight.inFeatures(),
              weight.outFeatures(),
              false,
              operand(dy),
              CudaLinear.of(weight).operand(),
              accumulate,
              operand(dx)));
    }
  }

  @Override
  public void lora(Matrix x, Matrix a, Matrix b, float scale, Dropout dropout, Matrix u, Matrix y) {
    operands.lora(x, a, b, u, y);
    lora.forward(x, a, b, scale, dropout, u, y);
  }

  @Override
  public void loraBackward(
      Matrix dy,
      Matrix x,
      Matrix u,
      Matrix a,
      Matrix b,
      float scale,
      Dropout dropout,
      Matrix du,
      Matrix da,
      Matrix db,
      @Nullable Matrix dx) {
    operands.loraBackward(dy, x, u, a, b, du, da, db, dx);
    lora.backward(dy, x, u, a, b, scale, dropout, du, da, db, dx);
  }

  @Override
  public void attention(
      Matrix q,
      Matrix k,
      Matrix v,
      AttentionLayout layout,
      int headDim,
      float scale,
      Matrix out,
      Matrix lse) {
    operands.attention(q, k, v, layout, headDim, out, lse);
    attention.forward(q, k, v, layout, headDim, scale, out, lse);
  }

  @Override
  public void attentionBackward(
      Matrix q,
      Matrix k,
      Matrix v,
      Matrix out,
      Matrix dout,
      Matrix lse,
      AttentionLayout layout,
      int headDim,
      float scale,
      Matrix delta,
      Matrix dq,
      Matrix dk,
      Matrix dv) {
    operands.attentionBackward(q, k, v, out, dout, lse, layout, headDim, delta, dq, dk, dv);
    attention.backward(
        q, k, v, out, dout, lse, layout, headDim, scale, delta, Rotation.NONE, dq, dk, dv);
  }

  @Override
  public void ropeAttentionBackward(
      Matrix q,
      Matrix k,
      Matrix v,
      Matrix out,
      Matrix dout,
      Matrix lse,
      AttentionLayout layout,
      int headDim,
      float scale,
      Matrix delta,
      Indices queryPositions,
      Indices keyPositions,
      RopeTable table,
      Matrix dq,
      Matrix dk,
      Matrix dv) {
    operands.attentionBackward(q, k, v, out, dout, lse, layout, headDim, delta, dq, dk, dv);
    operands.rope(dq, queryPositions, table);
    operands.rope(dk, keyPositions, table);
    boolean rotates = CudaAttention.rotates(headDim) && table.headDim() == headDim;
    Rotation rotation = rotates ? Rotation.of(queryPositions, keyPositions, table) : Rotation.NONE;
    attention.backward(
        q, k, v, out, dout, lse, layout, headDim, scale, delta, rotation, dq, dk, dv);
    if (!rotates) {
      rope(dq, queryPositions, table, true);
      rope(dk, keyPositions, table, true);
    }
  }

  @Override
  public void gatherRows(Matrix source, Indices rows, Matrix out) {
    operands.gatherRows(source, rows, out);
    rows(
        "gather_rows" + suffix,
        out.rows(),
        span(source),
        stride(source),
        CudaBuffer.address(rows),
        span(out),
        stride(out),
        out.columns());
  }

  @Override
  public void scatterAddRows(Matrix source, Indices rows, Matrix target) {
    operands.scatterAddRows(source, rows, target);
    rows(
        "scatter_add_rows" + suffix,
        source.rows(),
        span(source),
        stride(source),
        CudaBuffer.address(rows),
        span(target),
        stride(target),
        source.columns());
  }

  @Override
  public void crossEntropy(
      Matrix logits,
      Indices targets,
      Matrix weights,
      float gradientScale,
      Matrix losses,
      @Nullable Matrix dlogits) {
    operands.crossEntropy(logits, targets, weights, losses, dlogits);
    rows(
        "cross_entropy" + suffix,
        logits.rows(),
        span(logits),
        stride(logits),
        CudaBuffer.address(targets),
        span(weights),
        stride(weights),
        gradientScale,
        span(losses),
        stride(losses),
        dlogits == null ? Span.NONE : span(dlogits),
        dlogits == null ? 0L : stride(dlogits),
        logits.columns());
  }

  @Override
  public void tokenProbabilities(Matrix logits, Indices tokens, Matrix probabilities) {
    operands.tokenProbabilities(logits, tokens, probabilities);
    rows(
        "token_probabilities" + suffix,
        logits.rows(),
        span(logits),
        stride(logits),
        CudaBuffer.address(tokens),
        tokens.count(),
        span(probabilities),
        stride(probabilities),
        logits.columns());
  }

  @Override
  public double sumOfSquares(Matrix x) {
    operands.sumOfSquares(x);
    driver.launch(
        "sum_of_squares", Grid.of(NORM_BLOCKS), ROW_THREADS, span(x), x.elementCount(), partials);
    driver.copyToHost(partials, hostPartials);
    double sum = 0;
    for (int i = 0; i < NORM_BLOCKS; i++) {
      sum += hostPartials.getAtIndex(ValueLayout.JAVA_DOUBLE, i);
    }
    return sum;
  }

  @Override
  public void adamW(
      Matrix weights,
      Matrix gradients,
      Matrix firstMoment,
      Matrix secondMoment,
      Matrix workingCopy,
      AdamWStep step) {
    int size = weights.columns();
    operands.adamW(weights, gradients, firstMoment, secondMoment, workingCopy);
    int blocks = Math.min(FLAT_BLOCKS, Math.max(1, Math.ceilDiv(size, FLAT_STEP)));
    driver.launch(
        "adamw" + suffix,
        Grid.of(blocks),
        ROW_THREADS,
        span(weights),
        span(gradients),
        span(firstMoment),
        span(secondMoment),
        span(workingCopy),
        (long) size,
        step.gradientScale(),
        step.decay(),
        (float) step.beta1(),
        (float) step.beta2(),
        step.share1(),
        step.share2(),
        step.stepSize(),
        step.correction2Root(),
        step.epsilon());
  }

  @Override
  public void fill(Matrix x, float value) {
    String kernel = "fill" + suffix(x.dtype());
    if (x.rows() == 1 && x.columns() > FLAT_ROW) {
      // One long row would be one block's work: it is cut into several.
      int whole = x.columns() / FLAT_ROW;
      rows(kernel, whole, span(x), (long) FLAT_ROW, value, FLAT_ROW);
      Matrix rest = x.columns(whole * FLAT_ROW, x.columns() - whole * FLAT_ROW);
      rows(kernel, 1, span(rest), stride(rest), value, rest.columns());
    } else {
      rows(kernel, x.rows(), span(x), stride(x), value, x.columns());
    }
  }

  @Override
  public void copy(Matrix source, Matrix target) {
    operands.copy(source, target);
    rows(
        "convert" + suffix(source.dtype()) + suffix(target.dtype()),
        source.rows(),
        span(source),
        stride(source),
        span(target),
        stride(target),
        source.columns());
  }

  /** Converts {@code count} elements of {@code from} to compute type. */
  void convert(DType from, long source, long target, long count) {
    int columns = FLAT_ROW;
    long whole = count / columns;
    String kernel = "convert" + suffix(from) + suffix;
    if (whole > 0) {
      driver.launch(
          kernel,
          Grid.of(Math.toIntExact(whole)),
          ROW_THREADS,
          source,
          (long) columns,
          target,
          (long) columns,
          columns);
    }
    int rest = (int) (count % columns);
    if (rest > 0) {
      long done = whole * columns;
      driver.launch(
          kernel,
          Grid.of(1),
          ROW_THREADS,
          source + done * from.byteSize(),
          (long) rest,
          target + done * type.byteSize(),
          (long) rest,
          rest);
    }
  }

  @Override
  public void add(Matrix x, Matrix y) {
    operands.add(x, y);
    rows("add" + suffix, x.rows(), span(x), stride(x), span(y), stride(y), x.columns());
  }

  @Override
  public void close() {
    lora.close();
    driver.free(partials);
    host.close();
  }
}
