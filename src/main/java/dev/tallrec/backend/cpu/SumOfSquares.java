package dev.tallrec.backend.cpu;

import dev.tallrec.backend.Matrix;
import java.lang.foreign.MemorySegment;

/** The sum of a matrix's squares; keeps room for partial sums. */
final class SumOfSquares implements WorkerPool.Task {

  // Partial sums over chunks of fixed size add up in one order, whoever computed them.
  private static final int CHUNK = 1 << 14;

  private final WorkerPool pool;
  private double[] sums = new double[0];
  private MemorySegment segment = MemorySegment.NULL;
  private long start;
  private long strideBytes;
  private int columns;
  private int chunksPerRow;

  SumOfSquares(WorkerPool pool) {
    this.pool = pool;
  }

  double of(Matrix x) {
    segment = HostBuffer.of(x);
    start = Vectors.at(x, 0);
    strideBytes = (long) x.stride() * Float.BYTES;
    columns = x.columns();
    chunksPerRow = Math.ceilDiv(columns, CHUNK);
    int chunks = x.rows() * chunksPerRow;
    if (sums.length < chunks) {
      sums = new double[chunks];
    }
    pool.forEach(chunks, this);
    double total = 0;
    for (int chunk = 0; chunk < chunks; chunk++) {
      total += sums[chunk];
    }
    return total;
  }

  @Override
  public void run(int index, int worker) {
    long at = start + index / chunksPerRow * strideBytes;
    int from = index % chunksPerRow * CHUNK;
    int to = Math.min(columns, from + CHUNK);
    MemorySegment values = segment;
    double sum = 0;
    for (int i = from; i < to; i++) {
      double value = Vectors.get(values, at, i);
      sum += value * value;
    }
    sums[index] = sum;
  }
}
