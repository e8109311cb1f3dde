package dev.tallrec.backend.cpu;

import dev.tallrec.backend.DeviceArena;
import dev.tallrec.backend.Indices;
import dev.tallrec.backend.Matrix;
import dev.tallrec.tensor.DType;
import dev.tallrec.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.function.LongPredicate;
import jdk.incubator.vector.FloatVector;
import org.jspecify.annotations.Nullable;

/**
 * Products with frozen weights: straight along the weights as stored for a few rows; blocked for
 * more, with panels that are made of them once where memory allows, each time otherwise. Both give
 * the same bits.
 */
final class FrozenProducts implements LinearProducts {

  // Up to here reading each weight once and multiplying it at once beats packing panels of them.
  static final int FEW_ROWS = 3;
  private static final int OUTPUTS_AT_A_TIME = 32;

  // From here on weights are worth being packed for good.
  private static final int MANY_ROWS = 64;

  private final WorkerPool pool;
  private final Scratch[] scratch;
  private final LongPredicate memoryAllows;
  private final WorkerPool.Task piece = this::piece;
  private final WorkerPool.Task packedPiece = this::packedPiece;
  private final WorkerPool.RowTask fewRows = this::outputs;

  // The product that is being computed.
  private final Gemm.Split split = new Gemm.Split();
  private final Gemm.Operand left = new Gemm.Operand();
  private Gemm.Operand right = left;
  private PackedFactor packed = PackedFactor.NONE;
  private final Gemm.Target product = new Gemm.Target();
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

  /**
   * Products on {@code pool}.
   *
   * @param memoryAllows whether so many bytes may be taken from the heap for panels of weights that
   *     are made once
   */
  FrozenProducts(WorkerPool pool, Scratch[] scratch, LongPredicate memoryAllows) {
    this.pool = pool;
    this.scratch = scratch;
    this.memoryAllows = memoryAllows;
  }

  @Override
  public CpuLinear load(DeviceArena arena, List<Tensor> parts) {
    return CpuLinear.of(parts);
  }

  @Override
  public void forward(Matrix x, CpuLinear weight, Matrix y, boolean add) {
    if (x.rows() <= FEW_ROWS) {
      fewRows(x, weight, y, add);
      return;
    }
    left.of(x, 0);
    PackedFactor factor = packed(weight.transposed(), x.rows());
    if (factor != null) {
      multiply(y, factor, add);
      return;
    }
    List<CpuLinear.Part> parts = weight.parts();
    for (int i = 0; i < parts.size(); i++) {
      CpuLinear.Part part = parts.get(i);
      right = part.transposed();
      multiply(y, part.firstOutput(), part.rows(), x.columns(), add);
    }
  }

  @Override
  public void backward(Matrix dy, CpuLinear weight, Matrix dx, boolean add) {
    PackedFactor factor = packed(weight.plain(), dy.rows());
    if (factor != null) {
      left.of(dy, 0);
      multiply(dx, factor, add);
      return;
    }
    List<CpuLinear.Part> parts = weight.parts();
    for (int i = 0; i < parts.size(); i++) {
      CpuLinear.Part part = parts.get(i);
      left.of(dy, part.firstOutput());
      right = part.plain();
      multiply(dx, 0, dx.columns(), part.rows(), add || i > 0);
    }
  }

  /** Panels for a product of {@code rowsNow} rows, if there are any. */
  private @Nullable PackedFactor packed(CpuLinear.Packing packing, int rowsNow) {
    if (rowsNow >= MANY_ROWS) {
      packing.decide(memoryAllows, pool, scratch);
    }
    return packing.factor();
  }

  private void multiply(Matrix to, int firstColumn, int columnsNow, int depthNow, boolean add) {
    product.of(to, firstColumn, add);
    rows = to.rows();
    columns = columnsNow;
    depth = depthNow;
    pool.forEach(split.set(rows, columns, pool.threads()), piece);
  }

  private void multiply(Matrix to, PackedFactor factor, boolean add) {
    packed = factor;
    product.of(to, 0, add);
    rows = to.rows();
    pool.forEach(split.setPacked(rows, factor.columns(), pool.threads()), packedPiece);
  }

  private void piece(int index, int worker) {
    Gemm.piece(split, index, scratch[worker].panels(), rows, columns, depth, left, right, product);
  }

  private void packedPiece(int index, int worker) {
    Gemm.piece(split, index, scratch[worker].panels(), rows, left, packed, product);
  }

  private void fewRows(Matrix x, CpuLinear weight, Matrix y, boolean add) {
    source = HostBuffer.of(x);
    sourceStart = x.offset();
    sourceStride = x.stride();
    target = HostBuffer.of(y);
    targetStride = y.stride();
    rows = y.rows();
    depth = x.columns();
    accumulate = add;
    weightType = weight.storageType();
    List<CpuLinear.Part> parts = weight.parts();
    for (int i = 0; i < parts.size(); i++) {
      CpuLinear.Part part = parts.get(i);
      targetStart = y.offset() + part.firstOutput();
      weightMemory = part.segment();
      firstWeight = part.firstRow();
      pool.forRows(part.rows(), OUTPUTS_AT_A_TIME, fewRows);
    }
  }

  private void outputs(int from, int to, int worker) {
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
