package dev.tallrec.backend.cpu;

import dev.tallrec.backend.AdamWStep;
import dev.tallrec.backend.AttentionLayout;
import dev.tallrec.backend.Dropout;
import dev.tallrec.backend.FrozenLinear;
import dev.tallrec.backend.Indices;
import dev.tallrec.backend.Matrix;
import dev.tallrec.backend.Ops;
import dev.tallrec.backend.RopeTable;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Checks shapes, shares rows or blocks out among threads, and leaves the arithmetic to its
 * neighbours.
 */
final class CpuOps implements Ops, AutoCloseable {

  private static final int ROWS_AT_A_TIME = 16;

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
    Shapes.check(out, ids.count(), table.inFeatures(), "out");
    frozen.rows(ids, CpuLinear.of(table), out);
  }

  @Override
  public void rmsNorm(Matrix x, Matrix weight, float epsilon, Matrix out, Matrix rstd) {
    checkNorm(x, weight, rstd);
    Shapes.same(x, out, "out");
    eachRow(x.rows(), row -> Normalization.row(x, weight, epsilon, out, rstd, row));
  }

  @Override
  public void addRmsNorm(
      Matrix x, Matrix delta, Matrix weight, float epsilon, Matrix sum, Matrix out, Matrix rstd) {
    checkNorm(x, weight, rstd);
    Shapes.same(x, delta, "delta");
    Shapes.same(x, sum, "sum");
    Shapes.same(x, out, "out");
    eachRow(
        x.rows(),
        row -> {
          Normalization.addRow(x, delta, sum, row);
          Normalization.row(sum, weight, epsilon, out, rstd, row);
        });
  }

  @Override
  public void rmsNormBackward(Matrix dout, Matrix x, Matrix weight, Matrix rstd, Matrix dx) {
    checkNorm(x, weight, rstd);
    Shapes.same(x, dout, "dout");
    Shapes.same(x, dx, "dx");
    eachRow(x.rows(), row -> Normalization.backwardRow(dout, x, weight, rstd, dx, row));
  }

  private static void checkNorm(Matrix x, Matrix weight, Matrix rstd) {
    Shapes.isF32(x, "x");
    Shapes.check(weight, 1, x.columns(), "weight");
    Shapes.check(rstd, x.rows(), 1, "rstd");
  }

  @Override
  public void rope(Matrix x, Indices positions, RopeTable table, boolean inverse) {
    Shapes.isF32(x, "x");
    Shapes.count(positions, x.rows(), "positions");
    if (x.columns() % table.headDim() != 0) {
      throw new IllegalArgumentException(
          "%d columns are no whole heads of %d".formatted(x.columns(), table.headDim()));
    }
    eachRow(
        x.rows(),
        row -> Activations.ropeRow(x, row, HostBuffer.get(positions, row), table, inverse));
  }

  @Override
  public void swiglu(Matrix gate, Matrix up, Matrix out) {
    Shapes.isF32(gate, "gate");
    Shapes.same(gate, up, "up");
    Shapes.same(gate, out, "out");
    eachRow(gate.rows(), row -> Activations.swigluRow(gate, up, out, row));
  }

  @Override
  public void swigluBackward(Matrix dout, Matrix gate, Matrix up, Matrix dgate, Matrix dup) {
    Shapes.isF32(gate, "gate");
    Shapes.same(gate, up, "up");
    Shapes.same(gate, dout, "dout");
    Shapes.same(gate, dgate, "dgate");
    Shapes.same(gate, dup, "dup");
    eachRow(gate.rows(), row -> Activations.swigluBackwardRow(dout, gate, up, dgate, dup, row));
  }

  @Override
  public void linear(Matrix x, FrozenLinear weight, Matrix y, boolean accumulate) {
    Shapes.check(x, x.rows(), weight.inFeatures(), "x");
    Shapes.check(y, x.rows(), weight.outFeatures(), "y");
    frozen.forward(x, CpuLinear.of(weight), y, accumulate);
  }

  @Override
  public void linearBackward(Matrix dy, FrozenLinear weight, Matrix dx, boolean accumulate) {
    Shapes.check(dy, dy.rows(), weight.outFeatures(), "dy");
    Shapes.check(dx, dy.rows(), weight.inFeatures(), "dx");
    frozen.backward(dy, CpuLinear.of(weight), dx, accumulate);
  }

  @Override
  public void lora(Matrix x, Matrix a, Matrix b, float scale, Dropout dropout, Matrix u, Matrix y) {
    checkLora(x, a, b, u, y);
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
    checkLora(x, a, b, u, dy);
    Shapes.same(u, du, "du");
    Shapes.same(a, da, "da");
    Shapes.same(b, db, "db");
    if (dx != null) {
      Shapes.same(x, dx, "dx");
    }
    lowRank.backward(dy, x, u, a, b, scale, dropout, du, da, db, dx);
  }

  private static void checkLora(Matrix x, Matrix a, Matrix b, Matrix u, Matrix y) {
    Shapes.check(x, x.rows(), a.columns(), "x");
    Shapes.check(a, a.rows(), a.columns(), "a");
    Shapes.check(b, b.rows(), a.rows(), "b");
    Shapes.check(u, x.rows(), a.rows(), "u");
    Shapes.check(y, x.rows(), b.rows(), "y");
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
    checkAttention(q, k, v, layout, headDim, out, lse);
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
    checkAttention(q, k, v, layout, headDim, out, lse);
    Shapes.same(q, dout, "dout");
    Shapes.same(q, dq, "dq");
    Shapes.same(k, dk, "dk");
    Shapes.same(k, dv, "dv");
    Shapes.same(lse, delta, "delta");
    attention.backward(q, k, v, out, dout, lse, layout, headDim, scale, delta, dq, dk, dv);
  }

  private static void checkAttention(
      Matrix q, Matrix k, Matrix v, AttentionLayout layout, int headDim, Matrix out, Matrix lse) {
    Shapes.isF32(q, "q");
    Shapes.isF32(k, "k");
    Shapes.same(q, out, "out");
    Shapes.same(k, v, "v");
    int heads = q.columns() / headDim;
    int kvHeads = k.columns() / headDim;
    if (heads * headDim != q.columns()
        || kvHeads * headDim != k.columns()
        || kvHeads == 0
        || heads % kvHeads != 0) {
      throw new IllegalArgumentException(
          "q of %d and k of %d columns do not share heads of %d"
              .formatted(q.columns(), k.columns(), headDim));
    }
    Shapes.check(lse, heads, q.rows(), "lse");
    if (layout.queryRows() > q.rows() || layout.keyRows() > k.rows()) {
      throw new IllegalArgumentException(
          "a layout of %d queries and %d keys, with %d and %d rows"
              .formatted(layout.queryRows(), layout.keyRows(), q.rows(), k.rows()));
    }
  }

  @Override
  public void gatherRows(Matrix source, Indices rows, Matrix out) {
    Shapes.check(source, source.rows(), out.columns(), "source");
    Shapes.check(out, rows.count(), out.columns(), "out");
    eachRow(out.rows(), row -> Elementwise.copyRow(source, HostBuffer.get(rows, row), out, row));
  }

  @Override
  public void scatterAddRows(Matrix source, Indices rows, Matrix target) {
    Shapes.check(target, target.rows(), source.columns(), "target");
    Shapes.check(source, rows.count(), source.columns(), "source");
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
    Shapes.isF32(logits, "logits");
    Shapes.count(targets, logits.rows(), "targets");
    Shapes.check(weights, logits.rows(), 1, "weights");
    Shapes.check(losses, logits.rows(), 1, "losses");
    if (dlogits != null) {
      Shapes.same(logits, dlogits, "dlogits");
    }
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
    Shapes.isF32(logits, "logits");
    Shapes.check(probabilities, logits.rows(), tokens.count(), "probabilities");
    pool.forEach(
        logits.rows(),
        (row, worker) -> Losses.probabilitiesRow(logits, row, tokens, probabilities));
  }

  @Override
  public double sumOfSquares(Matrix x) {
    Shapes.isF32(x, "x");
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
    Shapes.check(weights, 1, weights.columns(), "weights");
    Shapes.same(weights, gradients, "gradients");
    Shapes.same(weights, firstMoment, "firstMoment");
    Shapes.same(weights, secondMoment, "secondMoment");
    Shapes.same(weights, workingCopy, "workingCopy");
    Elementwise.adamW(pool, weights, gradients, firstMoment, secondMoment, workingCopy, step);
  }

  @Override
  public void fill(Matrix x, float value) {
    eachRow(x.rows(), row -> Elementwise.fillRow(x, row, value));
  }

  @Override
  public void copy(Matrix source, Matrix target) {
    if (source.rows() != target.rows() || source.columns() != target.columns()) {
      throw new IllegalArgumentException(
          "copying %d x %d to %d x %d"
              .formatted(source.rows(), source.columns(), target.rows(), target.columns()));
    }
    eachRow(source.rows(), row -> Elementwise.copyRow(source, row, target, row));
  }

  @Override
  public void add(Matrix x, Matrix y) {
    Shapes.isF32(x, "x");
    Shapes.same(x, y, "y");
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
