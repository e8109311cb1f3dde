package dev.tallrec.backend.cpu;

import dev.tallrec.backend.AdamWStep;
import dev.tallrec.backend.Matrix;
import java.lang.foreign.MemorySegment;

/** Copies, sums and the optimizer. */
final class Elementwise {

  // Partial sums over chunks of fixed size add up in one order, whoever computed them.
  private static final int CHUNK = 1 << 14;

  private Elementwise() {}

  static void addRow(Matrix source, int sourceRow, Matrix target, int targetRow) {
    Vectors.addScaled(
        1,
        HostBuffer.of(source),
        Vectors.at(source, sourceRow),
        HostBuffer.of(target),
        Vectors.at(target, targetRow),
        source.columns());
  }

  static void copyRow(Matrix source, int sourceRow, Matrix target, int targetRow) {
    MemorySegment from = HostBuffer.of(source);
    MemorySegment to = HostBuffer.of(target);
    long fromIndex = source.offset() + (long) sourceRow * source.stride();
    long toIndex = target.offset() + (long) targetRow * target.stride();
    if (source.dtype() == target.dtype()) {
      long size = source.dtype().byteSize();
      MemorySegment.copy(from, fromIndex * size, to, toIndex * size, source.columns() * size);
      return;
    }
    for (int i = 0; i < source.columns(); i++) {
      Elements.set(
          target.dtype(), to, toIndex + i, Elements.get(source.dtype(), from, fromIndex + i));
    }
  }

  static void fillRow(Matrix x, int row, float value) {
    MemorySegment segment = HostBuffer.of(x);
    long index = x.offset() + (long) row * x.stride();
    for (int i = 0; i < x.columns(); i++) {
      Elements.set(x.dtype(), segment, index + i, value);
    }
  }

  static double sumOfSquares(WorkerPool pool, Matrix x) {
    int chunksPerRow = Math.ceilDiv(x.columns(), CHUNK);
    double[] sums = new double[x.rows() * chunksPerRow];
    MemorySegment segment = HostBuffer.of(x);
    pool.forEach(
        sums.length,
        (index, worker) -> {
          long at = Vectors.at(x, index / chunksPerRow);
          int from = index % chunksPerRow * CHUNK;
          double sum = 0;
          for (int i = from; i < Math.min(x.columns(), from + CHUNK); i++) {
            double value = Vectors.get(segment, at, i);
            sum += value * value;
          }
          sums[index] = sum;
        });
    double total = 0;
    for (double sum : sums) {
      total += sum;
    }
    return total;
  }

  static void adamW(
      WorkerPool pool,
      Matrix weights,
      Matrix gradients,
      Matrix firstMoment,
      Matrix secondMoment,
      Matrix workingCopy,
      AdamWStep step) {
    double correction1 = 1 - Math.pow(step.beta1(), (double) step.step());
    float correction2Root = (float) Math.sqrt(1 - Math.pow(step.beta2(), (double) step.step()));
    float stepSize = (float) (step.learningRate() / correction1);
    float weight1 = (float) (1 - step.beta1());
    float beta2 = (float) step.beta2();
    float weight2 = (float) (1 - step.beta2());
    float decay = 1 - step.learningRate() * step.weightDecay();
    MemorySegment ws = HostBuffer.of(weights);
    MemorySegment gs = HostBuffer.of(gradients);
    MemorySegment ms = HostBuffer.of(firstMoment);
    MemorySegment vs = HostBuffer.of(secondMoment);
    MemorySegment cs = HostBuffer.of(workingCopy);
    long wAt = Vectors.at(weights, 0);
    long gAt = Vectors.at(gradients, 0);
    long mAt = Vectors.at(firstMoment, 0);
    long vAt = Vectors.at(secondMoment, 0);
    long cAt = Vectors.at(workingCopy, 0);
    pool.forRows(
        weights.columns(),
        CHUNK,
        (from, to, worker) -> {
          for (int i = from; i < to; i++) {
            float gradient = Vectors.get(gs, gAt, i) * step.gradientScale();
            float old = Vectors.get(ms, mAt, i);
            float m = old + (gradient - old) * weight1;
            float v = Vectors.get(vs, vAt, i) * beta2 + gradient * gradient * weight2;
            float root = (float) Math.sqrt(v) / correction2Root + step.epsilon();
            float weight = Vectors.get(ws, wAt, i) * decay - stepSize * m / root;
            Vectors.set(ms, mAt, i, m);
            Vectors.set(vs, vAt, i, v);
            Vectors.set(ws, wAt, i, weight);
            Vectors.set(cs, cAt, i, weight);
          }
        });
  }
}
