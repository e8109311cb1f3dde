package dev.tallrec.backend.cpu;

import dev.tallrec.backend.Dropout;
import dev.tallrec.backend.Matrix;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import org.jspecify.annotations.Nullable;

/**
 * LoRA's products, where one side is only r wide: a general product would spend its time packing
 * panels that it uses r times.
 */
final class LowRankProducts implements AutoCloseable {

  private static final int LANES = Vectors.LANES;
  private static final int ROWS_AT_A_TIME = 16;
  private static final int COLUMNS_AT_A_TIME = 64;

  private final WorkerPool pool;
  private final Scratch[] scratch;
  private final Scratch.Region transposed = new Scratch.Region();
  private final Scratch.Region dropped = new Scratch.Region();
  private final Scratch.Region outer = new Scratch.Region();
  private final WorkerPool.RowTask forwardRows = this::forwardRows;
  private final WorkerPool.RowTask backwardRows = this::backwardRows;
  private final WorkerPool.RowTask dropRows = this::dropRows;
  private final WorkerPool.RowTask gradientOfA = this::gradientOfA;
  private final WorkerPool.RowTask gradientOfB = this::gradientOfB;

  // The product that is being computed.
  private final Grid x = new Grid();
  private final Grid input = new Grid();
  private final Grid a = new Grid();
  private final Grid bt = new Grid();
  private final Grid u = new Grid();
  private final Grid y = new Grid();
  private final Grid du = new Grid();
  private final Grid da = new Grid();
  private final Grid db = new Grid();
  private final Grid dx = new Grid();
  private final Grid product = new Grid();
  private Dropout dropout = Dropout.NONE;
  private float scale;
  private boolean needsInputGradient;

  LowRankProducts(WorkerPool pool, Scratch[] scratch) {
    this.pool = pool;
    this.scratch = scratch;
  }

  void forward(
      Matrix in, Matrix left, Matrix right, float factor, Dropout drop, Matrix inner, Matrix out) {
    set(in, left, right, factor, drop, inner, out);
    pool.forRows(x.rows(), ROWS_AT_A_TIME, forwardRows);
  }

  private void set(
      Matrix in, Matrix left, Matrix right, float factor, Dropout drop, Matrix inner, Matrix out) {
    x.set(in);
    a.set(left);
    transpose(right);
    scale = factor;
    dropout = drop;
    u.set(inner);
    y.set(out);
  }

  private void forwardRows(int from, int to, int worker) {
    for (int row = from; row < to; row++) {
      MemorySegment source = x.segment();
      long at = x.at(row);
      if (dropout.isActive()) {
        MemorySegment copy = scratch[worker].floats(0, x.columns());
        Philox.dropRow(dropout, row, source, at, copy, 0, x.columns());
        source = copy;
        at = 0;
      }
      dots(source, at, a, 1, u, row);
      expand(u, row, bt, scale, y.segment(), y.at(row), y.columns());
    }
  }

  void backward(
      Matrix outGradient,
      Matrix in,
      Matrix inner,
      Matrix left,
      Matrix right,
      float factor,
      Dropout drop,
      Matrix innerGradient,
      Matrix leftGradient,
      Matrix rightGradient,
      @Nullable Matrix inGradient) {
    set(in, left, right, factor, drop, inner, outGradient);
    input.set(in);
    du.set(innerGradient);
    da.set(leftGradient);
    db.set(rightGradient);
    needsInputGradient = inGradient != null;
    if (inGradient != null) {
      dx.set(inGradient);
    }
    if (dropout.isActive()) {
      input.set(dropped, x.rows(), x.columns());
      pool.forRows(x.rows(), ROWS_AT_A_TIME, dropRows);
    }
    pool.forRows(y.rows(), ROWS_AT_A_TIME, backwardRows);
    product.set(outer, da.rows(), da.columns());
    pool.forRows(x.columns(), COLUMNS_AT_A_TIME, gradientOfA);
    product.set(outer, /* rowCount= */ db.columns(), /* columnCount= */ db.rows());
    pool.forRows(y.columns(), COLUMNS_AT_A_TIME, gradientOfB);
  }

  private void dropRows(int from, int to, int worker) {
    for (int row = from; row < to; row++) {
      Philox.dropRow(
          dropout, row, x.segment(), x.at(row), input.segment(), input.at(row), x.columns());
    }
  }

  private void backwardRows(int from, int to, int worker) {
    for (int row = from; row < to; row++) {
      dots(y.segment(), y.at(row), bt, scale, du, row);
      if (needsInputGradient) {
        inputGradient(row, scratch[worker]);
      }
    }
  }

  private void inputGradient(int row, Scratch own) {
    MemorySegment target = dx.segment();
    long at = dx.at(row);
    int columns = dx.columns();
    if (!dropout.isActive()) {
      expand(du, row, a, 1, target, at, columns);
      return;
    }
    MemorySegment gradient = own.floats(0, columns);
    Vectors.clear(gradient, 0, columns);
    expand(du, row, a, 1, gradient, 0, columns);
    Philox.dropRow(dropout, row, gradient, 0, gradient, 0, columns);
    Vectors.addScaled(1, gradient, 0, target, at, columns);
  }

  /** dA += du^T x. */
  private void gradientOfA(int from, int to, int worker) {
    outer(du, input, from, to, product);
    long offset = (long) from * Float.BYTES;
    for (int j = 0; j < da.rows(); j++) {
      Vectors.addScaled(
          1, product.segment(), product.at(j) + offset, da.segment(), da.at(j) + offset, to - from);
    }
  }

  /** dB += scale * dy^T u, computed as its transpose. */
  private void gradientOfB(int from, int to, int worker) {
    outer(u, y, from, to, product);
    MemorySegment source = product.segment();
    MemorySegment target = db.segment();
    for (int column = from; column < to; column++) {
      long at = db.at(column);
      for (int j = 0; j < db.columns(); j++) {
        float gradient = scale * Vectors.get(source, product.at(j), column);
        Vectors.set(target, at, j, Vectors.get(target, at, j) + gradient);
      }
    }
  }

  private void transpose(Matrix b) {
    bt.set(transposed, /* rowCount= */ b.columns(), /* columnCount= */ b.rows());
    MemorySegment source = HostBuffer.of(b);
    MemorySegment target = bt.segment();
    for (int row = 0; row < b.rows(); row++) {
      long at = Vectors.at(b, row);
      for (int j = 0; j < b.columns(); j++) {
        Vectors.set(target, bt.at(j), row, Vectors.get(source, at, j));
      }
    }
  }

  /** out[row][j] = scale * (x . a[j]) for all rows j of a, four of them in one pass over x. */
  private static void dots(MemorySegment x, long xAt, Grid a, float scale, Grid out, int row) {
    MemorySegment as = a.segment();
    MemorySegment target = out.segment();
    long at = out.at(row);
    int columns = a.columns();
    int j = 0;
    for (; j <= a.rows() - 4; j += 4) {
      long at0 = a.at(j);
      long at1 = a.at(j + 1);
      long at2 = a.at(j + 2);
      long at3 = a.at(j + 3);
      FloatVector sum0 = FloatVector.zero(Vectors.FLOATS);
      FloatVector sum1 = sum0;
      FloatVector sum2 = sum0;
      FloatVector sum3 = sum0;
      int i = 0;
      for (; i <= columns - LANES; i += LANES) {
        FloatVector value = Vectors.load(x, xAt, i);
        sum0 = value.fma(Vectors.load(as, at0, i), sum0);
        sum1 = value.fma(Vectors.load(as, at1, i), sum1);
        sum2 = value.fma(Vectors.load(as, at2, i), sum2);
        sum3 = value.fma(Vectors.load(as, at3, i), sum3);
      }
      float total0 = Vectors.sum(sum0);
      float total1 = Vectors.sum(sum1);
      float total2 = Vectors.sum(sum2);
      float total3 = Vectors.sum(sum3);
      for (; i < columns; i++) {
        float value = Vectors.get(x, xAt, i);
        total0 += value * Vectors.get(as, at0, i);
        total1 += value * Vectors.get(as, at1, i);
        total2 += value * Vectors.get(as, at2, i);
        total3 += value * Vectors.get(as, at3, i);
      }
      Vectors.set(target, at, j, scale * total0);
      Vectors.set(target, at, j + 1, scale * total1);
      Vectors.set(target, at, j + 2, scale * total2);
      Vectors.set(target, at, j + 3, scale * total3);
    }
    for (; j < a.rows(); j++) {
      Vectors.set(target, at, j, scale * Vectors.dot(x, xAt, as, a.at(j), columns));
    }
  }

  /** target += scale * sum over j of u[row][j] * rows[j]; four rows in one pass over the target. */
  private static void expand(
      Grid u, int row, Grid rows, float scale, MemorySegment target, long at, int columns) {
    MemorySegment us = u.segment();
    MemorySegment rs = rows.segment();
    long uAt = u.at(row);
    int j = 0;
    for (; j <= rows.rows() - 4; j += 4) {
      long at0 = rows.at(j);
      long at1 = rows.at(j + 1);
      long at2 = rows.at(j + 2);
      long at3 = rows.at(j + 3);
      float u0 = scale * Vectors.get(us, uAt, j);
      float u1 = scale * Vectors.get(us, uAt, j + 1);
      float u2 = scale * Vectors.get(us, uAt, j + 2);
      float u3 = scale * Vectors.get(us, uAt, j + 3);
      int i = 0;
      for (; i <= columns - LANES; i += LANES) {
        FloatVector value = Vectors.load(target, at, i);
        value = Vectors.load(rs, at0, i).fma(FloatVector.broadcast(Vectors.FLOATS, u0), value);
        value = Vectors.load(rs, at1, i).fma(FloatVector.broadcast(Vectors.FLOATS, u1), value);
        value = Vectors.load(rs, at2, i).fma(FloatVector.broadcast(Vectors.FLOATS, u2), value);
        value = Vectors.load(rs, at3, i).fma(FloatVector.broadcast(Vectors.FLOATS, u3), value);
        Vectors.store(value, target, at, i);
      }
      for (; i < columns; i++) {
        float value = Vectors.get(target, at, i);
        value = Math.fma(Vectors.get(rs, at0, i), u0, value);
        value = Math.fma(Vectors.get(rs, at1, i), u1, value);
        value = Math.fma(Vectors.get(rs, at2, i), u2, value);
        value = Math.fma(Vectors.get(rs, at3, i), u3, value);
        Vectors.set(target, at, i, value);
      }
    }
    for (; j < rows.rows(); j++) {
      float factor = scale * Vectors.get(us, uAt, j);
      Vectors.addScaled(factor, rs, rows.at(j), target, at, columns);
    }
  }

  /** product[j][column] = sum over rows t of u[t][j] * x[t][column], for columns from..to. */
  private static void outer(Grid u, Grid x, int from, int to, Grid product) {
    MemorySegment us = u.segment();
    MemorySegment xs = x.segment();
    MemorySegment target = product.segment();
    for (int j = 0; j < u.columns(); j++) {
      int column = from;
      long at = product.at(j);
      for (; column <= to - 4 * LANES; column += 4 * LANES) {
        FloatVector sum0 = FloatVector.zero(Vectors.FLOATS);
        FloatVector sum1 = sum0;
        FloatVector sum2 = sum0;
        FloatVector sum3 = sum0;
        for (int row = 0; row < x.rows(); row++) {
          long xAt = x.at(row);
          FloatVector factor = FloatVector.broadcast(Vectors.FLOATS, Vectors.get(us, u.at(row), j));
          sum0 = Vectors.load(xs, xAt, column).fma(factor, sum0);
          sum1 = Vectors.load(xs, xAt, column + LANES).fma(factor, sum1);
          sum2 = Vectors.load(xs, xAt, column + 2 * LANES).fma(factor, sum2);
          sum3 = Vectors.load(xs, xAt, column + 3 * LANES).fma(factor, sum3);
        }
        Vectors.store(sum0, target, at, column);
        Vectors.store(sum1, target, at, column + LANES);
        Vectors.store(sum2, target, at, column + 2 * LANES);
        Vectors.store(sum3, target, at, column + 3 * LANES);
      }
      for (; column < to; column++) {
        float sum = 0;
        for (int row = 0; row < x.rows(); row++) {
          float factor = Vectors.get(us, u.at(row), j);
          sum = Math.fma(Vectors.get(xs, x.at(row), column), factor, sum);
        }
        Vectors.set(target, at, column, sum);
      }
    }
  }

  @Override
  public void close() {
    transposed.close();
    dropped.close();
    outer.close();
  }
}
