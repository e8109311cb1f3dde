package dev.tallrec.backend.cuda;

import dev.tallrec.backend.Dropout;
import dev.tallrec.backend.Matrix;
import dev.tallrec.backend.cuda.CudaDriver.Grid;
import org.jspecify.annotations.Nullable;

/** LoRA's thin products: launches of lora.cu. */
final class CudaLora implements AutoCloseable {

  // As in lora.cu.
  private static final int DOWN_ROWS = 16;
  private static final int DOWN_RANKS = 8;
  private static final int DOWN_THREADS = 128;
  private static final int UP_ROWS = 8;
  private static final int OUTER_RANKS = 8;
  private static final int THREADS = 128;
  private static final int COLUMNS = THREADS * 4;
  // Rows that one block sums up; long sums are split so that all processors have work.
  private static final int OUTER_ROWS = 32;
  private static final int MOST_SPLITS = 32;

  private final CudaDriver driver;
  private final String suffix;
  private long partials;
  private long partialBytes;

  CudaLora(CudaDriver driver, String suffix) {
    this.driver = driver;
    this.suffix = suffix;
  }

  void forward(Matrix x, Matrix a, Matrix b, float scale, Dropout dropout, Matrix u, Matrix y) {
    down(x, a, a.stride(), 1, a.rows(), 1, dropout, u);
    up(u, b, 1, b.stride(), scale, Dropout.NONE, y);
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
    down(dy, b, 1, b.stride(), b.columns(), scale, Dropout.NONE, du);
    outer(du, x, dropout, 1, da, da.stride(), 1);
    outer(u, dy, Dropout.NONE, scale, db, 1, db.stride());
    if (dx != null) {
      up(du, a, a.stride(), 1, 1, dropout, dx);
    }
  }

  /** u = scale * dropout(x) w^T, where w[j][i] is at j * rowStride + i * columnStride. */
  private void down(
      Matrix x,
      Matrix w,
      long rowStride,
      long columnStride,
      int rank,
      float scale,
      Dropout dropout,
      Matrix u) {
    if (x.rows() == 0) {
      return;
    }
    driver.launch(
        "low_rank_down" + suffix,
        Grid.of(Math.ceilDiv(x.rows(), DOWN_ROWS), Math.ceilDiv(rank, DOWN_RANKS)),
        DOWN_THREADS,
        CudaOps.span(x),
        CudaOps.stride(x),
        CudaOps.span(w),
        rowStride,
        columnStride,
        scale,
        dropout.seed(),
        dropout.stream(),
        threshold(dropout),
        dropout.keepScale(),
        CudaOps.span(u),
        CudaOps.stride(u),
        x.rows(),
        rank,
        x.columns());
  }

  /** y += dropout(scale * u w), where w[j][c] is at j * rowStride + c * columnStride. */
  private void up(
      Matrix u,
      Matrix w,
      long rowStride,
      long columnStride,
      float scale,
      Dropout dropout,
      Matrix y) {
    if (y.rows() == 0) {
      return;
    }
    driver.launch(
        "low_rank_up" + suffix,
        Grid.of(Math.ceilDiv(y.rows(), UP_ROWS), Math.ceilDiv(y.columns(), COLUMNS)),
        THREADS,
        CudaOps.span(u),
        CudaOps.stride(u),
        CudaOps.span(w),
        rowStride,
        columnStride,
        scale,
        dropout.seed(),
        dropout.stream(),
        threshold(dropout),
        dropout.keepScale(),
        CudaOps.span(y),
        CudaOps.stride(y),
        y.rows(),
        u.columns(),
        y.columns());
  }

  /** target += scale * u^T dropout(x), element (j, c) at j * rowStride + c * columnStride. */
  private void outer(
      Matrix u,
      Matrix x,
      Dropout dropout,
      float scale,
      Matrix target,
      long rowStride,
      long columnStride) {
    if (x.rows() == 0) {
      return;
    }
    int rank = u.columns();
    int splits = Math.clamp(Math.ceilDiv(x.rows(), OUTER_ROWS), 1, MOST_SPLITS);
    reserve((long) splits * rank * x.columns() * Float.BYTES);
    driver.launch(
        "low_rank_outer" + suffix,
        new Grid(Math.ceilDiv(x.columns(), COLUMNS), Math.ceilDiv(rank, OUTER_RANKS), splits),
        THREADS,
        CudaOps.span(u),
        CudaOps.stride(u),
        CudaOps.span(x),
        CudaOps.stride(x),
        dropout.seed(),
        dropout.stream(),
        threshold(dropout),
        dropout.keepScale(),
        partials,
        x.rows(),
        rank,
        x.columns());
    driver.launch(
        "low_rank_outer_sum",
        Grid.of(Math.toIntExact(Math.ceilDiv((long) rank * x.columns(), THREADS))),
        THREADS,
        partials,
        splits,
        scale,
        CudaOps.span(target),
        rowStride,
        columnStride,
        rank,
        x.columns());
  }

  private static int threshold(Dropout dropout) {
    return dropout.isActive() ? dropout.threshold() : 0;
  }

  private void reserve(long bytes) {
    if (bytes > partialBytes) {
      close();
      partials = driver.allocate(bytes, "partial sums of LoRA gradients");
      partialBytes = bytes;
    }
  }

  @Override
  public void close() {
    if (partialBytes > 0) {
      driver.free(partials);
      partialBytes = 0;
    }
  }
}
