package dev.tallrec.backend.cpu;

import dev.tallrec.backend.Dropout;
import dev.tallrec.backend.Matrix;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * LoRA's products, where one side is only r wide: a general product would spend its time packing
 * panels that it uses r times.
 */
final class LowRankProducts implements AutoCloseable {

  private static final int ROWS_AT_A_TIME = 16;
  private static final int COLUMNS_AT_A_TIME = Philox.COLUMNS_PER_WORD;
  private static final int KEPT_ROWS_AT_A_TIME = 64;

  private final WorkerPool pool;
  private final Scratch[] scratch;
  private final Scratch.Region transposed = new Scratch.Region();
  private final Scratch.Region outer = new Scratch.Region();
  private final DropoutMask mask = new DropoutMask();
  private final WorkerPool.RowTask forwardRows = this::forwardRows;
  private final WorkerPool.RowTask backwardRows = this::backwardRows;
  private final WorkerPool.RowTask gradientOfA = this::gradientOfA;
  private final WorkerPool.RowTask gradientOfB = this::gradientOfB;

  // The product that is being computed.
  private final Grid x = new Grid();
  private final Grid a = new Grid();
  private final Grid bt = new Grid();
  private final Grid u = new Grid();
  private final Grid y = new Grid();
  private final Grid du = new Grid();
  private final Grid da = new Grid();
  private final Grid db = new Grid();
  private final Grid dx = new Grid();
  private final Grid product = new Grid();
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
    mask.set(drop, in.rows(), in.columns());
    u.set(inner);
    y.set(out);
  }

  private void forwardRows(int from, int to, int worker) {
    for (int row = from; row < to; row++) {
      MemorySegment source = x.segment();
      long at = x.at(row);
      if (mask.isActive()) {
        MemorySegment kept = scratch[worker].floats(x.columns());
        mask.make(row);
        mask.keep(row, 0, source, at, kept, 0, x.columns());
        source = kept;
        at = 0;
      }
      LowRankKernels.dots(source, at, a, mask.keepScale(), u, row);
      LowRankKernels.expand(u, row, bt, scale, y.segment(), y.at(row), y.columns());
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
    du.set(innerGradient);
    da.set(leftGradient);
    db.set(rightGradient);
    needsInputGradient = inGradient != null;
    if (inGradient != null) {
      dx.set(inGradient);
    }
    pool.forRows(y.rows(), ROWS_AT_A_TIME, backwardRows);
    product.set(outer, da.rows(), da.columns());
    pool.forRows(x.columns(), COLUMNS_AT_A_TIME, gradientOfA);
    product.set(outer, /* rowCount= */ db.columns(), /* columnCount= */ db.rows());
    pool.forRows(y.columns(), COLUMNS_AT_A_TIME, gradientOfB);
  }

  private void backwardRows(int from, int to, int worker) {
    for (int row = from; row < to; row++) {
      LowRankKernels.dots(y.segment(), y.at(row), bt, scale, du, row);
      if (mask.isActive()) {
        mask.make(row);
      }
      if (needsInputGradient) {
        inputGradient(row, scratch[worker]);
      }
    }
  }

  private void inputGradient(int row, Scratch own) {
    int columns = dx.columns();
    if (!mask.isActive()) {
      LowRankKernels.expand(du, row, a, 1, dx.segment(), dx.at(row), columns);
      return;
    }
    MemorySegment gradient = own.floats(columns);
    Vectors.clear(gradient, 0, columns);
    LowRankKernels.expand(du, row, a, mask.keepScale(), gradient, 0, columns);
    mask.addKept(row, gradient, 0, dx.segment(), dx.at(row));
  }

  /** dA += du^T dropout(x). */
  private void gradientOfA(int from, int to, int worker) {
    clear(product, from, to);
    if (mask.isActive()) {
      sumOfKept(from, to, scratch[worker]);
    } else {
      sum(du, x, from, to);
    }
    long offset = (long) from * Float.BYTES;
    float factor = mask.keepScale();
    for (int j = 0; j < da.rows(); j++) {
      Vectors.addScaled(
          factor,
          product.segment(),
          product.at(j) + offset,
          da.segment(),
          da.at(j) + offset,
          to - from);
    }
  }

  /** product += du^T x without what dropout drops, of which a few rows at a time are copied. */
  private void sumOfKept(int from, int to, Scratch own) {
    long stride = (long) COLUMNS_AT_A_TIME * Float.BYTES;
    long offset = (long) from * Float.BYTES;
    MemorySegment kept = own.floats((long) KEPT_ROWS_AT_A_TIME * COLUMNS_AT_A_TIME);
    for (int start = 0; start < x.rows(); start += KEPT_ROWS_AT_A_TIME) {
      int rows = Math.min(KEPT_ROWS_AT_A_TIME, x.rows() - start);
      for (int t = 0; t < rows; t++) {
        long at = x.at(start + t) + offset;
        mask.keep(start + t, from, x.segment(), at, kept, t * stride, to - from);
      }
      LowRankKernels.outer(du, start, rows, kept, 0, stride, product, from, to - from);
    }
  }

  /** product += left^T right, columns {@code from} to {@code to} of the right. */
  private void sum(Grid left, Grid right, int from, int to) {
    long at = right.at(0) + (long) from * Float.BYTES;
    LowRankKernels.outer(
        left, 0, right.rows(), right.segment(), at, right.stride(), product, from, to - from);
  }

  /** dB += scale * dy^T u, computed as its transpose. */
  private void gradientOfB(int from, int to, int worker) {
    clear(product, from, to);
    sum(u, y, from, to);
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

  private static void clear(Grid grid, int from, int to) {
    for (int j = 0; j < grid.rows(); j++) {
      Vectors.clear(grid.segment(), grid.at(j) + (long) from * Float.BYTES, to - from);
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

  @Override
  public void close() {
    transposed.close();
    mask.close();
    outer.close();
  }
}
