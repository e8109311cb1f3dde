package dev.tallrec.backend.cpu;

import dev.tallrec.backend.DeviceArena;
import dev.tallrec.backend.Indices;
import dev.tallrec.backend.Matrix;
import dev.tallrec.tensor.DType;
import dev.tallrec.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.List;
import jdk.incubator.vector.FloatVector;

/**
 * Products with frozen weights as stored: blocked for many rows, straight along the weights for a
 * few.
 */
final class FrozenProducts implements LinearProducts {

  // Up to here reading each weight once and multiplying it at once beats packing panels of them.
  static final int FEW_ROWS = 3;
  private static final int OUTPUTS_AT_A_TIME = 32;

  private final WorkerPool pool;
  private final Scratch[] scratch;
  private final WorkerPool.Task piece = this::piece;
  private final WorkerPool.RowTask fewRows = this::fewRows;

  // The product that is being computed.
  private final Gemm.Split split = new Gemm.Split();
  private final Gemm.Operand left = new Gemm.Operand();
  private Gemm.Operand right = left;
  private MemorySegment source = MemorySegment.NULL;
  private long sourceStart;
  private int sourceStride;
  private MemorySegment target = MemorySegment.NULL;
  private long targetStart;
  private int targetStride;
  private int rows;
  private int columns;
  private int depth;
  private boolean accumulate;
  private DType weightType = DType.F32;
  private MemorySegment weightMemory = MemorySegment.NULL;
  private int firstWeight;

  FrozenProducts(WorkerPool pool, Scratch[] scratch) {
    this.pool = pool;
    this.scratch = scratch;
  }

  @Override
  public CpuLinear load(DeviceArena arena, List<Tensor> parts) {
    return CpuLinear.of(parts);
  }

  @Override
  public void forward(Matrix x, CpuLinear weight, Matrix y, boolean add) {
    List<CpuLinear.Part> parts = weight.parts();
    for (int i = 0; i < parts.size(); i++) {
      CpuLinear.Part part = parts.get(i);
      setTarget(y, part.firstOutput(), part.rows(), add);
      depth = x.columns();
      if (rows > FEW_ROWS) {
        left.of(x, 0);
        right = part.transposed();
        pool.forEach(split.set(rows, columns, pool.threads()), piece);
      } else {
        source = HostBuffer.of(x);
        sourceStart = x.offset();
        sourceStride = x.stride();
        weightType = weight.storageType();
        weightMemory = part.segment();
        firstWeight = part.firstRow();
        pool.forRows(columns, OUTPUTS_AT_A_TIME, fewRows);
      }
    }
  }

  @Override
  public void backward(Matrix dy, CpuLinear weight, Matrix dx, boolean add) {
    List<CpuLinear.Part> parts = weight.parts();
    for (int i = 0; i < parts.size(); i++) {
      CpuLinear.Part part = parts.get(i);
      setTarget(dx, 0, dx.columns(), add || i > 0);
      depth = part.rows();
      left.of(dy, part.firstOutput());
      right = part.plain();
      pool.forEach(split.set(rows, columns, pool.threads()), piece);
    }
  }

  /** Makes {@code count} columns of {@code matrix} what the product goes to. */
  private void setTarget(Matrix matrix, int firstColumn, int count, boolean add) {
    target = HostBuffer.of(matrix);
    targetStart = matrix.offset() + firstColumn;
    targetStride = matrix.stride();
    rows = matrix.rows();
    columns = count;
    accumulate = add;
  }

  private void piece(int index, int worker) {
    Gemm.piece(
        split,
        index,
        scratch[worker].panels(),
        rows,
        columns,
        depth,
        left,
        right,
        target,
        targetStart,
        targetStride,
        accumulate);
  }

  private void fewRows(int from, int to, int worker) {
    for (int output = from; output < to; output++) {
      float[] weights = row(weightType, weightMemory, firstWeight + output, depth, scratch[worker]);
      for (int r = 0; r < rows; r++) {
        long sourceAt = (sourceStart + (long) r * sourceStride) * Float.BYTES;
        float value = dot(source, sourceAt, weights, depth);
        long at = (targetStart + (long) r * targetStride) * Float.BYTES;
        Vectors.set(
            target, at, output, accumulate ? value + Vectors.get(target, at, output) : value);
      }
    }
  }

  private static float dot(MemorySegment x, long at, float[] y, int length) {
    FloatVector sum0 = FloatVector.zero(Vectors.FLOATS);
    FloatVector sum1 = sum0;
    int pairs = length - length % (2 * Vectors.LANES);
    int i = 0;
    for (; i < pairs; i += 2 * Vectors.LANES) {
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

  /** Row {@code row} of a part, as fp32 in the scratch memory's row. */
  static float[] row(CpuLinear weight, CpuLinear.Part part, int row, Scratch scratch) {
    return row(
        weight.storageType(), part.segment(), part.firstRow() + row, weight.inFeatures(), scratch);
  }

  private static float[] row(
      DType dtype, MemorySegment tensor, int row, int length, Scratch scratch) {
    float[] values = scratch.row(length);
    Elements.read(dtype, tensor, (long) row * length, values, 0, length, scratch.elements());
    return values;
  }

  /** out[i] = row ids[i] of the table. */
  void rows(Indices ids, CpuLinear table, Matrix out) {
    MemorySegment outputs = HostBuffer.of(out);
    List<CpuLinear.Part> parts = table.parts();
    for (int row = 0; row < ids.count(); row++) {
      int id = HostBuffer.get(ids, row);
      for (int i = 0; i < parts.size(); i++) {
        CpuLinear.Part part = parts.get(i);
        int within = id - part.firstOutput();
        if (within >= 0 && within < part.rows()) {
          float[] values = row(table, part, within, scratch[0]);
          MemorySegment.copy(
              values, 0, outputs, Vectors.FLOAT, Vectors.at(out, row), out.columns());
        }
      }
    }
  }
}
