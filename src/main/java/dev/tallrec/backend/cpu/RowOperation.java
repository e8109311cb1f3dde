package dev.tallrec.backend.cpu;

import dev.tallrec.backend.Indices;
import dev.tallrec.backend.Matrix;
import dev.tallrec.tensor.DType;
import java.lang.foreign.MemorySegment;

/**
 * An operation that works on rows, with its operands. There is one of it, set anew for each call:
 * kernels that captured their operands would be an object a call.
 */
final class RowOperation implements WorkerPool.RowTask {

  /** What an operation does to row {@code row} of its operands. */
  interface Kernel {
    void run(RowOperation operands, int row);
  }

  static final Matrix NO_MATRIX =
      new Matrix(new HostBuffer(MemorySegment.NULL), DType.F32, 0, 0, 0, 0);
  static final Indices NO_INDICES = new Indices(NO_MATRIX.buffer(), 0, 0);

  private final WorkerPool pool;
  private Kernel kernel = (operands, row) -> {};
  Matrix a = NO_MATRIX;
  Matrix b = NO_MATRIX;
  Matrix c = NO_MATRIX;
  Matrix d = NO_MATRIX;
  Matrix e = NO_MATRIX;
  Matrix f = NO_MATRIX;
  Indices indices = NO_INDICES;
  float factor;

  RowOperation(WorkerPool pool) {
    this.pool = pool;
  }

  RowOperation on(Matrix first, Matrix second, Matrix third, Matrix fourth) {
    a = first;
    b = second;
    c = third;
    d = fourth;
    return this;
  }

  RowOperation on(Matrix first) {
    return on(first, NO_MATRIX, NO_MATRIX, NO_MATRIX);
  }

  RowOperation on(Matrix first, Matrix second) {
    return on(first, second, NO_MATRIX, NO_MATRIX);
  }

  RowOperation on(Matrix first, Matrix second, Matrix third) {
    return on(first, second, third, NO_MATRIX);
  }

  RowOperation and(Matrix fifth) {
    e = fifth;
    return this;
  }

  RowOperation and(Matrix fifth, Matrix sixth) {
    e = fifth;
    f = sixth;
    return this;
  }

  RowOperation by(Indices by) {
    indices = by;
    return this;
  }

  RowOperation by(float by) {
    factor = by;
    return this;
  }

  int index(int row) {
    return HostBuffer.get(indices, row);
  }

  /** Runs {@code work}, which must not capture anything, on rows 0 to {@code rows - 1}. */
  void each(int rows, int rowsAtATime, Kernel work) {
    kernel = work;
    pool.forRows(rows, rowsAtATime, this);
  }

  @Override
  public void run(int from, int to, int worker) {
    for (int row = from; row < to; row++) {
      kernel.run(this, row);
    }
  }
}
