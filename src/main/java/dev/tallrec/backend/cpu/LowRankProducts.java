package dev.tallrec.backend.cpu;

import dev.tallrec.backend.Dropout;
import dev.tallrec.backend.Matrix;
import dev.tallrec.tensor.DType;
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

  LowRankProducts(WorkerPool pool, Scratch[] scratch) {
    this.pool = pool;
    this.scratch = scratch;
  }

  void forward(Matrix x, Matrix a, Matrix b, float scale, Dropout dropout, Matrix u, Matrix y) {
    Matrix bt = transpose(b);
    pool.forRows(
        x.rows(),
        ROWS_AT_A_TIME,
        (from, to, worker) -> {
          for (int row = from; row < to; row++) {
            MemorySegment source = HostBuffer.of(x);
            long at = Vectors.at(x, row);
            if (dropout.isActive()) {
              MemorySegment copy = scratch[worker].floats(0, x.columns());
              Philox.dropRow(dropout, row, source, at, copy, 0, x.columns());
              source = copy;
              at = 0;
            }
            dots(source, at, a, 1, u, row);
            expand(u, row, bt, scale, HostBuffer.of(y), Vectors.at(y, row), y.columns());
          }
        });
  }

  void backward(
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
    Matrix bt = transpose(b);
    Matrix input = dropout.isActive() ? drop(x, dropout) : x;
    pool.forRows(
        dy.rows(),
        ROWS_AT_A_TIME,
        (from, to, worker) -> {
          for (int row = from; row < to; row++) {
            dots(HostBuffer.of(dy), Vectors.at(dy, row), bt, scale, du, row);
            if (dx != null) {
              inputGradient(du, row, a, dropout, dx, scratch[worker]);
            }
          }
        });
    gradientOfA(du, input, da);
    gradientOfB(u, dy, scale, db);
  }

  private static void inputGradient(
      Matrix du, int row, Matrix a, Dropout dropout, Matrix dx, Scratch scratch) {
    MemorySegment target = HostBuffer.of(dx);
    long at = Vectors.at(dx, row);
    if (!dropout.isActive()) {
      expand(du, row, a, 1, target, at, dx.columns());
      return;
    }
    MemorySegment gradient = scratch.floats(0, dx.columns());
    gradient.asSlice(0, (long) dx.columns() * Float.BYTES).fill((byte) 0);
    expand(du, row, a, 1, gradient, 0, dx.columns());
    Philox.dropRow(dropout, row, gradient, 0, gradient, 0, dx.columns());
    Vectors.addScaled(1, gradient, 0, target, at, dx.columns());
  }

  /** dA += du^T x. */
  private void gradientOfA(Matrix du, Matrix x, Matrix da) {
    Matrix product = matrix(outer, da.rows(), da.columns());
    pool.forRows(
        x.columns(),
        COLUMNS_AT_A_TIME,
        (from, to, worker) -> {
          outer(du, x, from, to, product);
          for (int j = 0; j < da.rows(); j++) {
            long offset = (long) from * Float.BYTES;
            Vectors.addScaled(
                1,
                HostBuffer.of(product),
                Vectors.at(product, j) + offset,
                HostBuffer.of(da),
                Vectors.at(da, j) + offset,
                to - from);
          }
        });
  }

  /** dB += scale * dy^T u, computed as its transpose. */
  private void gradientOfB(Matrix u, Matrix dy, float scale, Matrix db) {
    Matrix product = matrix(outer, /* rows= */ db.columns(), /* columns= */ db.rows());
    MemorySegment source = HostBuffer.of(product);
    MemorySegment target = HostBuffer.of(db);
    pool.forRows(
        dy.columns(),
        COLUMNS_AT_A_TIME,
        (from, to, worker) -> {
          outer(u, dy, from, to, product);
          for (int column = from; column < to; column++) {
            for (int j = 0; j < db.columns(); j++) {
              float gradient = scale * Vectors.get(source, Vectors.at(product, j), column);
              long at = Vectors.at(db, column);
              Vectors.set(target, at, j, Vectors.get(target, at, j) + gradient);
            }
          }
        });
  }

  private Matrix drop(Matrix x, Dropout dropout) {
    Matrix copy = matrix(dropped, x.rows(), x.columns());
    pool.forRows(
        x.rows(),
        ROWS_AT_A_TIME,
        (from, to, worker) -> {
          for (int row = from; row < to; row++) {
            Philox.dropRow(
                dropout,
                row,
                HostBuffer.of(x),
                Vectors.at(x, row),
                HostBuffer.of(copy),
                Vectors.at(copy, row),
                x.columns());
          }
        });
    return copy;
  }

  private Matrix transpose(Matrix b) {
    Matrix bt = matrix(transposed, /* rows= */ b.columns(), /* columns= */ b.rows());
    MemorySegment source = HostBuffer.of(b);
    MemorySegment target = HostBuffer.of(bt);
    for (int row = 0; row < b.rows(); row++) {
      for (int j = 0; j < b.columns(); j++) {
        Vectors.set(target, Vectors.at(bt, j), row, Vectors.get(source, Vectors.at(b, row), j));
      }
    }
    return bt;
  }

  private static Matrix matrix(Scratch.Region region, int rows, int columns) {
    MemorySegment memory = region.atLeast((long) rows * columns * Float.BYTES);
    return new Matrix(new HostBuffer(memory), DType.F32, 0, rows, columns, columns);
  }

  /** out[row][j] = scale * (x . a[j]) for all rows j of a, four of them in one pass over x. */
  private static void dots(MemorySegment x, long xAt, Matrix a, float scale, Matrix out, int row) {
    MemorySegment as = HostBuffer.of(a);
    MemorySegment target = HostBuffer.of(out);
    long at = Vectors.at(out, row);
    int columns = a.columns();
    int j = 0;
    for (; j <= a.rows() - 4; j += 4) {
      long at0 = Vectors.at(a, j);
      long at1 = Vectors.at(a, j + 1);
      long at2 = Vectors.at(a, j + 2);
      long at3 = Vectors.at(a, j + 3);
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
      Vectors.set(target, at, j, scale * Vectors.dot(x, xAt, as, Vectors.at(a, j), columns));
    }
  }

  /** target += scale * sum over j of u[row][j] * rows[j]; four rows in one pass over the target. */
  private static void expand(
      Matrix u, int row, Matrix rows, float scale, MemorySegment target, long at, int columns) {
    MemorySegment us = HostBuffer.of(u);
    MemorySegment rs = HostBuffer.of(rows);
    long uAt = Vectors.at(u, row);
    int j = 0;
    for (; j <= rows.rows() - 4; j += 4) {
      long at0 = Vectors.at(rows, j);
      long at1 = Vectors.at(rows, j + 1);
      long at2 = Vectors.at(rows, j + 2);
      long at3 = Vectors.at(rows, j + 3);
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
      Vectors.addScaled(factor, rs, Vectors.at(rows, j), target, at, columns);
    }
  }

  /** product[j][column] = sum over rows t of u[t][j] * x[t][column], for columns from..to. */
  private static void outer(Matrix u, Matrix x, int from, int to, Matrix product) {
    MemorySegment us = HostBuffer.of(u);
    MemorySegment xs = HostBuffer.of(x);
    MemorySegment target = HostBuffer.of(product);
    for (int j = 0; j < u.columns(); j++) {
      int column = from;
      long at = Vectors.at(product, j);
      for (; column <= to - 4 * LANES; column += 4 * LANES) {
        FloatVector sum0 = FloatVector.zero(Vectors.FLOATS);
        FloatVector sum1 = sum0;
        FloatVector sum2 = sum0;
        FloatVector sum3 = sum0;
        for (int row = 0; row < x.rows(); row++) {
          long xAt = Vectors.at(x, row);
          FloatVector factor =
              FloatVector.broadcast(Vectors.FLOATS, Vectors.get(us, Vectors.at(u, row), j));
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
          float factor = Vectors.get(us, Vectors.at(u, row), j);
          sum = Math.fma(Vectors.get(xs, Vectors.at(x, row), column), factor, sum);
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
