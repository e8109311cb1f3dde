package dev.tallrec.backend.cpu;

import dev.tallrec.backend.Matrix;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/** The sum of a vector's squares; keeps room for partial sums. */
final class SumOfSquares implements WorkerPool.Task {

  // Partial sums over chunks of fixed size add up in one order, whoever computed them.
  private static final int CHUNK = 1 << 14;

  private static final VectorSpecies<Double> DOUBLES =
      VectorSpecies.of(double.class, Vectors.FLOATS.vectorShape());

  private final WorkerPool pool;
  private double[] sums = new double[0];
  private MemorySegment segment = MemorySegment.NULL;
  private long start;
  private int columns;

  SumOfSquares(WorkerPool pool) {
    this.pool = pool;
  }

  double of(Matrix x) {
    segment = HostBuffer.of(x);
    start = Vectors.at(x, 0);
    columns = x.columns();
    int chunks = Math.ceilDiv(columns, CHUNK);
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
    int from = index * CHUNK;
    long at = start + (long) from * Float.BYTES;
    int length = Math.min(columns - from, CHUNK);
    MemorySegment values = segment;
    DoubleVector lows = DoubleVector.zero(DOUBLES);
    DoubleVector highs = DoubleVector.zero(DOUBLES);
    int i = 0;
    for (; i < Vectors.FLOATS.loopBound(length); i += Vectors.LANES) {
      FloatVector next = Vectors.load(values, at, i);
      DoubleVector low = (DoubleVector) next.convertShape(VectorOperators.F2D, DOUBLES, 0);
      DoubleVector high = (DoubleVector) next.convertShape(VectorOperators.F2D, DOUBLES, 1);
      lows = low.fma(low, lows);
      highs = high.fma(high, highs);
    }
    DoubleVector both = lows.add(highs);
    double sum = 0;
    for (int lane = 0; lane < DOUBLES.length(); lane++) {
      sum += both.lane(lane);
    }
    for (; i < length; i++) {
      double value = Vectors.get(values, at, i);
      sum = Math.fma(value, value, sum);
    }
    sums[index] = sum;
  }
}
