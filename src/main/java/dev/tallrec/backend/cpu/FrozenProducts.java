package dev.tallrec.backend.cpu;

import dev.tallrec.backend.Indices;
import dev.tallrec.backend.Matrix;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/**
 * Products with frozen weights as stored: blocked for many rows, straight along the weights for a
 * few.
 */
final class FrozenProducts {

  // Up to here reading each weight once and multiplying it at once beats packing panels of them.
  private static final int FEW_ROWS = 3;
  private static final int OUTPUTS_AT_A_TIME = 32;

  private final WorkerPool pool;
  private final Scratch[] scratch;

  FrozenProducts(WorkerPool pool, Scratch[] scratch) {
    this.pool = pool;
    this.scratch = scratch;
  }

  /** y (+)= x W^T. */
  void forward(Matrix x, CpuLinear weight, Matrix y, boolean accumulate) {
    for (CpuLinear.Part part : weight.parts()) {
      Matrix target = y.columns(part.firstOutput(), part.rows());
      if (x.rows() <= FEW_ROWS) {
        fewRows(x, weight, part, target, accumulate);
      } else {
        multiply(x, weight.transposed(part), target, accumulate);
      }
    }
  }

  /** dx (+)= dy W. */
  void backward(Matrix dy, CpuLinear weight, Matrix dx, boolean accumulate) {
    boolean add = accumulate;
    for (CpuLinear.Part part : weight.parts()) {
      multiply(dy.columns(part.firstOutput(), part.rows()), weight.plain(part), dx, add);
      add = true;
    }
  }

  private void multiply(Matrix a, Gemm.Operand b, Matrix c, boolean accumulate) {
    Gemm.Operand left = Gemm.Operand.of(a);
    MemorySegment target = HostBuffer.of(c);
    Gemm.Split split = Gemm.Split.of(c.rows(), c.columns(), pool.threads());
    pool.forEach(
        split.pieces(),
        (piece, worker) ->
            Gemm.piece(
                split,
                piece,
                scratch[worker].panels(),
                c.rows(),
                c.columns(),
                a.columns(),
                1,
                left,
                b,
                target,
                c.offset(),
                c.stride(),
                accumulate));
  }

  private void fewRows(
      Matrix x, CpuLinear weight, CpuLinear.Part part, Matrix y, boolean accumulate) {
    int inputs = x.columns();
    pool.forRows(
        part.rows(),
        OUTPUTS_AT_A_TIME,
        (from, to, worker) -> {
          for (int output = from; output < to; output++) {
            float[] row = row(weight, part, part.firstRow() + output, scratch[worker]);
            for (int r = 0; r < x.rows(); r++) {
              float value = dot(HostBuffer.of(x), Vectors.at(x, r), row, inputs);
              MemorySegment target = HostBuffer.of(y);
              long at = Vectors.at(y, r);
              Vectors.set(
                  target, at, output, accumulate ? value + Vectors.get(target, at, output) : value);
            }
          }
        });
  }

  private static float dot(MemorySegment x, long at, float[] y, int length) {
    FloatVector sum0 = FloatVector.zero(Vectors.FLOATS);
    FloatVector sum1 = sum0;
    int i = 0;
    for (; i <= length - 2 * Vectors.LANES; i += 2 * Vectors.LANES) {
      sum0 = Vectors.load(x, at, i).fma(FloatVector.fromArray(Vectors.FLOATS, y, i), sum0);
      int next = i + Vectors.LANES;
      sum1 = Vectors.load(x, at, next).fma(FloatVector.fromArray(Vectors.FLOATS, y, next), sum1);
    }
    float total = Vectors.sum(sum0.add(sum1));
    for (; i < length; i++) {
      total += Vectors.get(x, at, i) * y[i];
    }
    return total;
  }

  /** Row {@code row} of the tensor that {@code part} is of, as fp32. */
  private static float[] row(CpuLinear weight, CpuLinear.Part part, int row, Scratch scratch) {
    int length = weight.inFeatures();
    float[] values = scratch.row(length);
    Elements.read(
        weight.storageType(),
        part.segment(),
        (long) row * length,
        values,
        0,
        length,
        scratch.elements());
    return values;
  }

  /** out[i] = row ids[i] of the table. */
  void rows(Indices ids, CpuLinear table, Matrix out) {
    for (int row = 0; row < ids.count(); row++) {
      int id = HostBuffer.get(ids, row);
      for (CpuLinear.Part part : table.parts()) {
        int within = id - part.firstOutput();
        if (within >= 0 && within < part.rows()) {
          float[] values = row(table, part, part.firstRow() + within, scratch[0]);
          MemorySegment.copy(
              values, 0, HostBuffer.of(out), Vectors.FLOAT, Vectors.at(out, row), out.columns());
        }
      }
    }
  }
}
