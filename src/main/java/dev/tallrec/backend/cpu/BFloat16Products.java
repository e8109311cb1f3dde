package dev.tallrec.backend.cpu;

import dev.tallrec.backend.DeviceArena;
import dev.tallrec.backend.Matrix;
import dev.tallrec.tensor.DType;
import dev.tallrec.tensor.Shape;
import dev.tallrec.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * Products of bf16 factors with fp32 sums by {@link OneDnn}: activations and gradients are rounded
 * for each product, weights once, unless they are stored so.
 *
 * <p>Each worker multiplies pieces by itself, so that there is one pool of threads. Pieces depend
 * on the product's size alone: the result is the same to the bit for any number of threads.
 */
final class BFloat16Products implements LinearProducts {

  // oneDNN packs both factors for each piece. Measured on one thread: pieces of 1024 x 1024 are as
  // fast as the whole, of 256 x 256 3 to 8 % slower; so they are no smaller than it takes to leave
  // none of a few threads idle.
  private static final int LARGEST_PIECE = 1024;
  private static final int SMALLEST_PIECE = 256;
  private static final int ENOUGH_PIECES = 16;
  // Widths that leave no ragged vectors but the last.
  private static final int COLUMN_MULTIPLE = 48;
  private static final int ROW_MULTIPLE = 16;

  // Rounded at a time, so that the copy of a wide matrix, the gradient of logits above all, takes
  // little memory beside the matrix itself.
  private static final int ROUNDED_ELEMENTS = 16 << 20;
  private static final int FEWEST_ROUNDED_ROWS = 512;

  private static final int ROWS_AT_A_TIME = 16;

  private final OneDnn oneDnn;
  private final WorkerPool pool;
  private final Scratch[] scratch;
  private final FrozenProducts few;
  private final WorkerPool.RowTask roundRows = this::roundRows;
  private final WorkerPool.Task piece = this::piece;

  // The product that is being computed.
  private MemorySegment source = MemorySegment.NULL;
  private long sourceStart;
  private int sourceStride;
  private MemorySegment left = MemorySegment.NULL;
  private int leftColumns;
  private int leftColumn;
  private MemorySegment right = MemorySegment.NULL;
  private long rightStart;
  private int rightStride;
  private boolean transposed;
  private MemorySegment target = MemorySegment.NULL;
  private long targetStart;
  private int targetStride;
  private int rows;
  private int columns;
  private int depth;
  private boolean accumulate;
  private int pieceRows;
  private int pieceColumns;
  private int rowPieces;

  /**
   * Products on {@code pool}.
   *
   * @param few takes the products of a few rows, for which reading the weights is all there is to
   *     do: in fp32, with weights as stored
   */
  BFloat16Products(OneDnn oneDnn, WorkerPool pool, Scratch[] scratch, FrozenProducts few) {
    this.oneDnn = oneDnn;
    this.pool = pool;
    this.scratch = scratch;
    this.few = few;
  }

  @Override
  public CpuLinear load(DeviceArena arena, List<Tensor> parts) {
    CpuLinear stored = CpuLinear.of(parts);
    if (stored.storageType() == DType.BF16 && parts.stream().allMatch(BFloat16Products::isUsable)) {
      return stored;
    }
    int width = stored.inFeatures();
    Shape shape = Shape.of(stored.outFeatures(), width);
    MemorySegment copy =
        HostBuffer.of(arena.allocate(shape.elementCount() * Short.BYTES, "frozen weights in BF16"));
    for (CpuLinear.Part part : stored.parts()) {
      pool.forRows(
          part.rows(),
          ROWS_AT_A_TIME,
          (from, to, worker) -> {
            MemorySegment row = scratch[worker].floats(width);
            for (int r = from; r < to; r++) {
              float[] values = FrozenProducts.row(stored, part, r, scratch[worker]);
              MemorySegment.copy(values, 0, row, Vectors.FLOAT, 0, width);
              long at = (long) (part.firstOutput() + r) * width * Short.BYTES;
              Rounding.toBFloat16(row, 0, copy, at, width);
            }
          });
    }
    return stored.with(
        CpuLinear.of(List.of(new Tensor("frozen weights", DType.BF16, shape, copy))));
  }

  /** Whether native code may read a tensor where it lies: headers can put it at odd addresses. */
  private static boolean isUsable(Tensor tensor) {
    return tensor.segment().isNative() && tensor.segment().address() % Short.BYTES == 0;
  }

  @Override
  public void forward(Matrix x, CpuLinear weight, Matrix y, boolean add) {
    if (x.rows() <= FrozenProducts.FEW_ROWS) {
      few.forward(x, weight, y, add);
      return;
    }
    List<CpuLinear.Part> parts = weight.bFloat16().parts();
    int rowsAtOnce = rowsAtOnce(x);
    for (int first = 0; first < x.rows(); first += rowsAtOnce) {
      round(x, first, Math.min(rowsAtOnce, x.rows() - first));
      transposed = true;
      leftColumn = 0;
      depth = x.columns();
      for (int i = 0; i < parts.size(); i++) {
        CpuLinear.Part part = parts.get(i);
        setRight(part, weight);
        multiply(y, first, part.firstOutput(), part.rows(), add);
      }
    }
  }

  @Override
  public void backward(Matrix dy, CpuLinear weight, Matrix dx, boolean add) {
    List<CpuLinear.Part> parts = weight.bFloat16().parts();
    int rowsAtOnce = rowsAtOnce(dy);
    for (int first = 0; first < dy.rows(); first += rowsAtOnce) {
      round(dy, first, Math.min(rowsAtOnce, dy.rows() - first));
      transposed = false;
      for (int i = 0; i < parts.size(); i++) {
        CpuLinear.Part part = parts.get(i);
        leftColumn = part.firstOutput();
        depth = part.rows();
        setRight(part, weight);
        multiply(dx, first, 0, dx.columns(), add || i > 0);
      }
    }
  }

  private static int rowsAtOnce(Matrix matrix) {
    return Math.max(FEWEST_ROUNDED_ROWS, ROUNDED_ELEMENTS / Math.max(1, matrix.columns()));
  }

  /** Makes {@code count} rows of {@code matrix}, rounded, the left factor. */
  private void round(Matrix matrix, int first, int count) {
    source = HostBuffer.of(matrix);
    sourceStart = matrix.offset() + (long) first * matrix.stride();
    sourceStride = matrix.stride();
    leftColumns = matrix.columns();
    rows = count;
    left = scratch[0].floats(Math.ceilDiv((long) count * leftColumns, 2));
    pool.forRows(count, ROWS_AT_A_TIME, roundRows);
  }

  private void roundRows(int from, int to, int worker) {
    for (int row = from; row < to; row++) {
      long sourceAt = (sourceStart + (long) row * sourceStride) * Float.BYTES;
      long at = (long) row * leftColumns * Short.BYTES;
      Rounding.toBFloat16(source, sourceAt, left, at, leftColumns);
    }
  }

  private void setRight(CpuLinear.Part part, CpuLinear weight) {
    right = part.segment();
    rightStride = weight.inFeatures();
    rightStart = (long) part.firstRow() * rightStride;
  }

  /** The product with what was rounded, to rows from {@code row} on and {@code count} columns. */
  private void multiply(Matrix result, int row, int column, int count, boolean add) {
    target = HostBuffer.of(result);
    targetStart = result.offset() + (long) row * result.stride() + column;
    targetStride = result.stride();
    columns = count;
    accumulate = add;
    int most = LARGEST_PIECE;
    while (most > SMALLEST_PIECE
        && (long) Math.ceilDiv(rows, most) * Math.ceilDiv(columns, most) < ENOUGH_PIECES) {
      most /= 2;
    }
    pieceRows = pieceOf(rows, most, ROW_MULTIPLE);
    pieceColumns = pieceOf(columns, most, COLUMN_MULTIPLE);
    rowPieces = Math.ceilDiv(rows, pieceRows);
    pool.forEach(rowPieces * Math.ceilDiv(columns, pieceColumns), piece);
  }

  /** Pieces of about the same size. */
  private static int pieceOf(int size, int most, int multiple) {
    int pieces = Math.ceilDiv(size, most);
    return Math.ceilDiv(Math.ceilDiv(size, pieces), multiple) * multiple;
  }

  private void piece(int index, int worker) {
    int row = index % rowPieces * pieceRows;
    int column = index / rowPieces * pieceColumns;
    long rightAt = rightStart + (transposed ? (long) column * rightStride : column);
    oneDnn.multiply(
        transposed,
        Math.min(pieceRows, rows - row),
        Math.min(pieceColumns, columns - column),
        depth,
        left,
        ((long) row * leftColumns + leftColumn) * Short.BYTES,
        leftColumns,
        right,
        rightAt * Short.BYTES,
        rightStride,
        accumulate,
        target,
        (targetStart + (long) row * targetStride + column) * Float.BYTES,
        targetStride);
  }
}
