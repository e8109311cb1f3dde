package dev.tallrec.backend.cpu;

import dev.tallrec.backend.AdamWStep;
import dev.tallrec.backend.AttentionLayout;
import dev.tallrec.backend.Dropout;
import dev.tallrec.backend.FrozenLinear;
import dev.tallrec.backend.Indices;
import dev.tallrec.backend.Matrix;
import dev.tallrec.backend.Operands;
import dev.tallrec.backend.Ops;
import dev.tallrec.backend.RopeTable;
import dev.tallrec.tensor.DType;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Checks shapes, shares rows or blocks out among threads, and leaves the arithmetic to its
 * neighbours.
 */
final class CpuOps implements Ops, AutoCloseable {

  private static final int ROWS_AT_A_TIME = 16;
  private static final Operands OPERANDS = new Operands(DType.F32);

  private final WorkerPool pool;
  private final Scratch[] scratch;
  private final FrozenProducts frozen;
  private final LowRankProducts lowRank;
  private final Attention attention;

  CpuOps(WorkerPool pool) {
    this.pool = pool;
    scratch =
        IntStream.range(0, pool.threads()).mapToObj(i -> new Scratch()).toArray(Scratch[]::new);
    frozen = new FrozenProducts(pool, scratch);
    lowRank = new LowRankProducts(pool, scratch);
    attention = new Attention(pool, scratch);
  }

  @Override
  public void embedding(Indices ids, FrozenLinear table, Matrix out) {
    OPERANDS.shape(out, ids.count(), table.inFeatures(), "out");
    frozen.rows(ids, CpuLinear.of(table), out);
  }

  @Override
  public void rmsNorm(Matrix x, Matrix weight, float epsilon, Matrix out, Matrix rstd) {
    OPERANDS.norm(x, weight, rstd);
    OPERANDS.same(x, out, "out");
    eachRow(x.rows(), row -> Normalization.row(x, weight, epsilon, out, rstd, row));
  }

  @Override
  public void addRmsNorm(
      Matrix x, Matrix delta, Matrix weight, float epsilon, Matrix sum, Matrix out, Matrix rstd) {
    OPERANDS.norm(x, weight, rstd);
    OPERANDS.same(x, delta, "delta");
    OPERANDS.same(x, sum, "sum");
    OPERANDS.same(x, out, "out");
    eachRow(
        x.rows(),
        row -> {
          Normalization.addRow(x, delta, sum, row);
          Normalization.row(sum, weight, epsilon, out, rstd, row);
        });
  }

  @Override
  public void rmsNormBackward(Matrix dout, Matrix x, Matrix weight, Matrix rstd, Matrix dx) {
    OPERANDS.norm(x, weight, rstd);
    OPERANDS.same(x, dout, "dout");
    OPERANDS.same(x, dx, "dx");
    eachRow(x.rows(), row -> Normalization.backwardRow(dout, x, weight, rstd, dx, row));
  }

  @Override
  public void rope(Matrix x, Indices positions, RopeTable table, boolean inverse) {
    OPERANDS.rope(x, positions, table);
    eachRow(
        x.rows(),
        row -> Activations.ropeRow(x, row, HostBuffer.get(positions, row), table, inverse));
  }

  @Override
  public void swiglu(Matrix gate, Matrix up, Matrix out) {
    OPERANDS.any(gate, "gate");
    OPERANDS.same(gate, up, "up");
    OPERANDS.same(gate, out, "out");
    eachRow(gate.rows(), row -> Activations.swigluRow(gate, up, out, row));
  }

  @Override
  public void swigluBackward(Matrix dout, Matrix gate, Matrix up, Matrix dgate, Matrix dup) {
    OPERANDS.any(gate, "gate");
    OPERANDS.same(gate, up, "up");
    OPERANDS.same(gate, dout, "dout");
    OPERANDS.same(gate, dgate, "dgate");
    OPERANDS.same(gate, dup, "dup");
    eachRow(gate.rows(), row -> Activations.swigluBackwardRow(dout, gate, up, dgate, dup, row));
  }

  @Override
  public void linear(Matrix x, FrozenLinear weight, Matrix y, boolean accumulate) {
    OPERANDS.shape(x, x.rows(), weight.inFeatures(), "x");
    OPERANDS.shape(y, x.rows(), weight.outFeatures(), "y");
    frozen.forward(x, CpuLinear.of(weight), y, accumulate);
  }

  @Override
  public void linearBackward(Matrix dy, FrozenLinear weight, Matrix dx, boolean accumulate) {
    OPERANDS.shape(dy, dy.rows(), weight.outFeatures(), "dy");
    OPERANDS.shape(dx, dy.rows(), weight.inFeatures(), "dx");
    frozen.backward(dy, CpuLinear.of(weight), dx, accumulate);
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
    OPERANDS.shape(source, source.rows(), out.columns(), "source");
    OPERANDS.shape(out, rows.count(), out.columns(), "out");
    eachRow(out.rows(), row -> Elementwise.copyRow(source, HostBuffer.get(rows, row), out, row));
  }

  @Override
  public void scatterAddRows(Matrix source, Indices rows, Matrix target) {
    OPERANDS.shape(target, target.rows(), source.columns(), "target");
    OPERANDS.shape(source, rows.count(), source.columns(), "source");
    eachRow(
        source.rows(), row -> Elementwise.addRow(source, row, target, HostBuffer.get(rows, row)));
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
    pool.forEach(
        logits.rows(),
        (row, worker) ->
            Losses.crossEntropyRow(
                logits,
                row,
                HostBuffer.get(targets, row),
                weights,
                gradientScale,
                losses,
                dlogits));
  }

  @Override
  public void tokenProbabilities(Matrix logits, Indices tokens, Matrix probabilities) {
    OPERANDS.any(logits, "logits");
    OPERANDS.shape(probabilities, logits.rows(), tokens.count(), "probabilities");
    pool.forEach(
        logits.rows(),
        (row, worker) -> Losses.probabilitiesRow(logits, row, tokens, probabilities));
  }

  @Override
  public double sumOfSquares(Matrix x) {
    OPERANDS.any(x, "x");
    return Elementwise.sumOfSquares(pool, x);
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
    Elementwise.adamW(pool, weights, gradients, firstMoment, secondMoment, workingCopy, step);
  }

  @Override
  public void fill(Matrix x, float value) {
    eachRow(x.rows(), row -> Elementwise.fillRow(x, row, value));
  }

  @Override
  public void copy(Matrix source, Matrix target) {
    OPERANDS.copy(source, target);
    eachRow(source.rows(), row -> Elementwise.copyRow(source, row, target, row));
  }

  @Override
  public void add(Matrix x, Matrix y) {
    OPERANDS.any(x, "x");
    OPERANDS.same(x, y, "y");
    eachRow(x.rows(), row -> Elementwise.addRow(x, row, y, row));
  }

  private interface RowWork {
    void run(int row);
  }

  private void eachRow(int rows, RowWork work) {
    pool.forRows(
        rows,
        ROWS_AT_A_TIME,
        (from, to, worker) -> {
          for (int row = from; row < to; row++) {
            work.run(row);
          }
        });
  }

  @Override
  public void close() {
    lowRank.close();
    for (Scratch own : scratch) {
      own.close();
    }
  }
}
