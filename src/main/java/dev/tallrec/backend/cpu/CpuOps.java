package dev.tallrec.backend.cpu;

import dev.tallrec.backend.AdamWStep;
import dev.tallrec.backend.AttentionLayout;
import dev.tallrec.backend.DeviceArena;
import dev.tallrec.backend.Dropout;
import dev.tallrec.backend.FrozenLinear;
import dev.tallrec.backend.Indices;
import dev.tallrec.backend.Matrix;
import dev.tallrec.backend.Operands;
import dev.tallrec.backend.Ops;
import dev.tallrec.backend.RopeTable;
import dev.tallrec.tensor.DType;
import dev.tallrec.tensor.Tensor;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Checks shapes, shares rows or blocks out among threads, and leaves the arithmetic to its
 * neighbours.
 */
final class CpuOps implements Ops, AutoCloseable {

  private static final int ROWS_AT_A_TIME = 16;
  private static final Operands OPERANDS = new Operands(DType.F32);

  private final Scratch[] scratch;
  private final RowOperation operation;
  private final FrozenProducts frozen;
  private final LinearProducts products;
  private final LowRankProducts lowRank;
  private final Attention attention;
  private final SumOfSquares sumOfSquares;
  private final AdamWUpdate adamW;

  /** With frozen weights multiplied in bf16 by {@code oneDnn} where there is one, else in fp32. */
  CpuOps(WorkerPool pool, @Nullable OneDnn oneDnn) {
    scratch =
        IntStream.range(0, pool.threads()).mapToObj(i -> new Scratch()).toArray(Scratch[]::new);
    operation = new RowOperation(pool);
    frozen = new FrozenProducts(pool, scratch, HostMemory::allowsPanels);
    products = oneDnn == null ? frozen : new BFloat16Products(oneDnn, pool, scratch, frozen);
    lowRank = new LowRankProducts(pool, scratch);
    attention = new Attention(pool, scratch);
    sumOfSquares = new SumOfSquares(pool);
    adamW = new AdamWUpdate(pool);
  }

  /** Weights as products read them; see {@link LinearProducts#load}. */
  CpuLinear load(DeviceArena arena, List<Tensor> parts) {
    return products.load(arena, parts);
  }

  @Override
  public void embedding(Indices ids, FrozenLinear table, Matrix out) {
    OPERANDS.embedding(ids, table, out);
    frozen.rows(ids, CpuLinear.of(table), out);
  }

  @Override
  public void rmsNorm(Matrix x, Matrix weight, float epsilon, Matrix out, Matrix rstd) {
    OPERANDS.rmsNorm(x, weight, out, rstd);
    operation.on(x, weight, out, rstd).by(epsilon);
    eachRow(x.rows(), (o, row) -> Normalization.row(o.a, o.b, o.factor, o.c, o.d, row));
  }

  @Override
  public void addRmsNorm(
      Matrix x, Matrix delta, Matrix weight, float epsilon, Matrix sum, Matrix out, Matrix rstd) {
    OPERANDS.addRmsNorm(x, delta, weight, sum, out, rstd);
    operation.on(x, delta, sum, weight).and(out, rstd).by(epsilon);
    eachRow(
        x.rows(),
        (o, row) -> {
          Normalization.addRow(o.a, o.b, o.c, row);
          Normalization.row(o.c, o.d, o.factor, o.e, o.f, row);
        });
  }

  @Override
  public void rmsNormBackward(Matrix dout, Matrix x, Matrix weight, Matrix rstd, Matrix dx) {
    OPERANDS.rmsNormBackward(dout, x, weight, rstd, dx);
    operation.on(dout, x, weight, rstd).and(dx);
    eachRow(x.rows(), (o, row) -> Normalization.backwardRow(o.a, o.b, o.c, o.d, o.e, row));
  }

  @Override
  public void rope(Matrix x, Indices positions, RopeTable table, boolean inverse) {
    OPERANDS.rope(x, positions, table);
    operation.on(x, table.cos(), table.sin()).by(positions).by(inverse ? -1 : 1);
    eachRow(x.rows(), (o, row) -> Activations.ropeRow(o.a, row, o.index(row), o.b, o.c, o.factor));
  }

  @Override
  public void swiglu(Matrix gate, Matrix up, Matrix out) {
    OPERANDS.swiglu(gate, up, out);
    operation.on(gate, up, out);
    eachRow(gate.rows(), (o, row) -> Activations.swigluRow(o.a, o.b, o.c, row));
  }

  @Override
  public void swigluBackward(Matrix dout, Matrix gate, Matrix up, Matrix dgate, Matrix dup) {
    OPERANDS.swigluBackward(dout, gate, up, dgate, dup);
    operation.on(dout, gate, up, dgate).and(dup);
    eachRow(gate.rows(), (o, row) -> Activations.swigluBackwardRow(o.a, o.b, o.c, o.d, o.e, row));
  }

  @Override
  public void linear(Matrix x, FrozenLinear weight, Matrix y, boolean accumulate) {
    OPERANDS.linear(x, weight, y);
    products.forward(x, CpuLinear.of(weight), y, accumulate);
  }

  @Override
  public void linearBackward(Matrix dy, FrozenLinear weight, Matrix dx, boolean accumulate) {
    OPERANDS.linearBackward(dy, weight, dx);
    products.backward(dy, CpuLinear.of(weight), dx, accumulate);
  }

  @Override
  public void lora(Matrix x, Matrix a, Matrix b, float scale, Dropout dropout, Matrix u, Matrix y) {
    OPERANDS.lora(x, a, b, u, y);
    lowRank.forward(x, a, b, scale, dropout, u, y);
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
    OPERANDS.loraBackward(dy, x, u, a, b, du, da, db, dx);
    lowRank.backward(dy, x, u, a, b, scale, dropout, du, da, db, dx);
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
    OPERANDS.attention(q, k, v, layout, headDim, out, lse);
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
    OPERANDS.attentionBackward(q, k, v, out, dout, lse, layout, headDim, delta, dq, dk, dv);
    attention.backward(q, k, v, out, dout, lse, layout, headDim, scale, delta, dq, dk, dv);
  }

  @Override
  public void gatherRows(Matrix source, Indices rows, Matrix out) {
    OPERANDS.gatherRows(source, rows, out);
    operation.on(source, out).by(rows);
    eachRow(out.rows(), (o, row) -> Elementwise.copyRow(o.a, o.index(row), o.b, row));
  }

  @Override
  public void scatterAddRows(Matrix source, Indices rows, Matrix target) {
    OPERANDS.scatterAddRows(source, rows, target);
    operation.on(source, target).by(rows);
    eachRow(source.rows(), (o, row) -> Elementwise.addRow(o.a, row, o.b, o.index(row)));
  }

  @Override
  public void crossEntropy(
      Matrix logits,
      Indices targets,
      Matrix weights,
      float gradientScale,
      Matrix losses,
      @Nullable Matrix dlogits) {
    OPERANDS.crossEntropy(logits, targets, weights, losses, dlogits);
    operation.on(logits, weights, losses).by(targets).by(gradientScale);
    if (dlogits == null) {
      operation.each(
          logits.rows(),
          1,
          (o, row) -> Losses.crossEntropyRow(o.a, row, o.index(row), o.b, o.factor, o.c, null));
    } else {
      operation.and(dlogits);
      operation.each(
          logits.rows(),
          1,
          (o, row) -> Losses.crossEntropyRow(o.a, row, o.index(row), o.b, o.factor, o.c, o.e));
    }
  }

  @Override
  public void tokenProbabilities(Matrix logits, Indices tokens, Matrix probabilities) {
    OPERANDS.tokenProbabilities(logits, tokens, probabilities);
    operation.on(logits, probabilities).by(tokens);
    operation.each(logits.rows(), 1, (o, row) -> Losses.probabilitiesRow(o.a, row, o.indices, o.b));
  }

  @Override
  public double sumOfSquares(Matrix x) {
    OPERANDS.sumOfSquares(x);
    return sumOfSquares.of(x);
  }

  @Override
  public void adamW(
      Matrix weights,
      Matrix gradients,
      Matrix firstMoment,
      Matrix secondMoment,
      Matrix workingCopy,
      AdamWStep step) {
    OPERANDS.adamW(weights, gradients, firstMoment, secondMoment, workingCopy);
    adamW.step(weights, gradients, firstMoment, secondMoment, workingCopy, step);
  }

  @Override
  public void fill(Matrix x, float value) {
    operation.on(x).by(value);
    eachRow(x.rows(), (o, row) -> Elementwise.fillRow(o.a, row, o.factor));
  }

  @Override
  public void copy(Matrix source, Matrix target) {
    OPERANDS.copy(source, target);
    operation.on(source, target);
    eachRow(source.rows(), (o, row) -> Elementwise.copyRow(o.a, row, o.b, row));
  }

  @Override
  public void add(Matrix x, Matrix y) {
    OPERANDS.add(x, y);
    operation.on(x, y);
    eachRow(x.rows(), (o, row) -> Elementwise.addRow(o.a, row, o.b, row));
  }

  private void eachRow(int rows, RowOperation.Kernel kernel) {
    operation.each(rows, ROWS_AT_A_TIME, kernel);
  }

  @Override
  public void close() {
    lowRank.close();
    for (Scratch own : scratch) {
      own.close();
    }
  }
}
