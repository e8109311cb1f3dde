package dev.tallrec.backend.cpu;

import dev.tallrec.backend.Matrix;
import dev.tallrec.tensor.DType;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * C (+)= alpha A B by blocks: A and B are copied, converted to fp32, into panels that stay in
 * cache, and a micro-kernel of {@value #ROWS} rows by two vectors keeps its sums in registers (Goto
 * and van de Geijn, "Anatomy of high-performance matrix multiplication", TOMS 2008).
 *
 * <p>More than 4 rows by 2 vectors spill on 16 registers. The sum over k is split at fixed places,
 * so a result does not depend on how work is shared out.
 */
final class Gemm {

  private static final VectorSpecies<Float> FLOATS = VectorMath.FLOATS;
  private static final int LANES = FLOATS.length();

  // Sums, two parts of B's row and an element of A must fit the registers: 32 of 512 bits, 16 of
  // others.
  private static final int ROWS = LANES == 16 ? 12 : 4;

  private static final int COLUMNS = 2 * LANES;
  private static final int K_BLOCK = 256;

  /** Rows of A that are packed at a time. */
  static final int ROW_BLOCK = ROWS == 12 ? 96 : 64;

  private static final int COLUMN_BLOCK = 16 * COLUMNS;

  /**
   * A factor: element (row, column) is at offset + row * rowStride + column * columnStride. Set
   * anew for each product, since there are too many of them to make an object each.
   */
  static final class Operand {
    private MemorySegment segment = MemorySegment.NULL;
    private DType dtype = DType.F32;
    private long offset;
    private long rowStride;
    private long columnStride;

    Operand set(
        MemorySegment memory, DType type, long first, long betweenRows, long betweenColumns) {
      segment = memory;
      dtype = type;
      offset = first;
      rowStride = betweenRows;
      columnStride = betweenColumns;
      return this;
    }

    /** The part of {@code matrix} from that element on. */
    Operand of(Matrix matrix, int row, int column) {
      long first = matrix.offset() + (long) row * matrix.stride() + column;
      return set(HostBuffer.of(matrix), matrix.dtype(), first, matrix.stride(), 1);
    }

    /** The transpose of the part of {@code matrix} from that element on. */
    Operand transposed(Matrix matrix, int row, int column) {
      long first = matrix.offset() + (long) row * matrix.stride() + column;
      return set(HostBuffer.of(matrix), matrix.dtype(), first, 1, matrix.stride());
    }
  }

  /** Scratch memory of one thread. */
  static final class Panels {
    private final float[] a = new float[ROW_BLOCK * K_BLOCK];
    private final float[] b = new float[K_BLOCK * COLUMN_BLOCK];
    private final float[] tile = new float[ROWS * COLUMNS];
    private final float[] line = new float[K_BLOCK];
    private final Elements.Buffer elements = new Elements.Buffer();
  }

  private Gemm() {}

  /** How a product is shared out. Pieces are made of whole sums, so results do not depend on it. */
  static final class Split {
    private int columns;
    private int rows;
    private int rowPieces;

    /**
     * Splits [m, n] for {@code threads} and returns the number of pieces. Each piece packs its part
     * of B, so pieces get all rows unless there are too few of them; and as many as threads, or a
     * multiple, so that none waits.
     */
    int set(int m, int n, int threads) {
      int wantedColumnPieces = Math.ceilDiv(n, COLUMN_BLOCK);
      if (wantedColumnPieces > threads) {
        wantedColumnPieces = Math.ceilDiv(wantedColumnPieces, threads) * threads;
      }
      int wantedRowPieces =
          Math.clamp(Math.ceilDiv(threads, wantedColumnPieces), 1, Math.ceilDiv(m, ROW_BLOCK));
      if (wantedColumnPieces * wantedRowPieces < threads) {
        wantedColumnPieces = Math.ceilDiv(threads, wantedRowPieces);
      }
      columns = Math.ceilDiv(Math.ceilDiv(n, wantedColumnPieces), COLUMNS) * COLUMNS;
      rows = Math.ceilDiv(Math.ceilDiv(m, wantedRowPieces), ROWS) * ROWS;
      rowPieces = Math.ceilDiv(m, rows);
      return Math.ceilDiv(n, columns) * rowPieces;
    }
  }

  /** Computes one piece of the product. */
  static void piece(
      Split split,
      int piece,
      Panels panels,
      int m,
      int n,
      int k,
      float alpha,
      Operand a,
      Operand b,
      MemorySegment c,
      long cOffset,
      long cStride,
      boolean accumulate) {
    int column = piece / split.rowPieces * split.columns;
    int columns = Math.min(split.columns, n - column);
    int fromRow = piece % split.rowPieces * split.rows;
    int toRow = Math.min(m, fromRow + split.rows);
    block(panels, fromRow, toRow, column, columns, k, alpha, a, b, c, cOffset, cStride, accumulate);
  }

  /** The whole product on the calling thread. */
  static void single(
      Panels panels,
      int m,
      int n,
      int k,
      float alpha,
      Operand a,
      Operand b,
      MemorySegment c,
      long cOffset,
      long cStride,
      boolean accumulate) {
    for (int column = 0; column < n; column += COLUMN_BLOCK) {
      int columns = Math.min(COLUMN_BLOCK, n - column);
      block(panels, 0, m, column, columns, k, alpha, a, b, c, cOffset, cStride, accumulate);
    }
  }

  private static void block(
      Panels panels,
      int fromRow,
      int toRow,
      int column,
      int columns,
      int k,
      float alpha,
      Operand a,
      Operand b,
      MemorySegment c,
      long cOffset,
      long cStride,
      boolean accumulate) {
    for (int depth = 0; depth < k; depth += K_BLOCK) {
      int depths = Math.min(K_BLOCK, k - depth);
      boolean add = accumulate || depth > 0;
      packB(panels, b, depth, depths, column, columns);
      for (int row = fromRow; row < toRow; row += ROW_BLOCK) {
        int rows = Math.min(ROW_BLOCK, toRow - row);
        packA(panels, a, row, rows, depth, depths, alpha);
        for (int j = 0; j < columns; j += COLUMNS) {
          int width = Math.min(COLUMNS, columns - j);
          for (int i = 0; i < rows; i += ROWS) {
            int height = Math.min(ROWS, rows - i);
            long target = cOffset + (row + i) * cStride + column + j;
            kernel(panels.a, i * depths, panels.b, j * depths, depths, panels.tile);
            store(panels.tile, c, target, cStride, height, width, add);
          }
        }
      }
    }
  }

  /** Panels of ROWS rows, k-major, zero-filled to whole panels. */
  private static void packA(
      Panels panels, Operand a, int row, int rows, int depth, int depths, float alpha) {
    if (a.rowStride == 1 && a.dtype == DType.F32) {
      packTransposedA(panels.a, a, row, rows, depth, depths, alpha);
      return;
    }
    float[] panel = panels.a;
    float[] line = panels.line;
    for (int i = 0; i < rows; i += ROWS) {
      for (int r = 0; r < ROWS; r++) {
        int at = i * depths + r;
        if (i + r < rows) {
          long from = a.offset + (row + i + r) * a.rowStride + depth * a.columnStride;
          read(panels, a, from, a.columnStride, depths);
          for (int p = 0; p < depths; p++) {
            panel[at + p * ROWS] = alpha * line[p];
          }
        } else {
          for (int p = 0; p < depths; p++) {
            panel[at + p * ROWS] = 0;
          }
        }
      }
    }
  }

  /** Panels of a factor whose columns are contiguous: written in the order it is read. */
  private static void packTransposedA(
      float[] panel, Operand a, int row, int rows, int depth, int depths, float alpha) {
    MemorySegment segment = a.segment;
    for (int i = 0; i < rows; i += ROWS) {
      int height = Math.min(ROWS, rows - i);
      for (int p = 0; p < depths; p++) {
        int at = i * depths + p * ROWS;
        long from = (a.offset + row + i + (depth + p) * a.columnStride) * Float.BYTES;
        for (int r = 0; r < height; r++) {
          panel[at + r] = alpha * Vectors.get(segment, from, r);
        }
        for (int r = height; r < ROWS; r++) {
          panel[at + r] = 0;
        }
      }
    }
  }

  /** Elements of {@code a} from {@code from} on, {@code stride} apart, as fp32 into the line. */
  private static void read(Panels panels, Operand a, long from, long stride, int depths) {
    if (stride == 1) {
      Elements.read(a.dtype, a.segment, from, panels.line, 0, depths, panels.elements);
    } else {
      for (int p = 0; p < depths; p++) {
        panels.line[p] = Elements.get(a.dtype, a.segment, from + p * stride);
      }
    }
  }

  /** Panels of COLUMNS columns, k-major, zero-filled to whole panels. */
  private static void packB(
      Panels panels, Operand b, int depth, int depths, int column, int columns) {
    float[] panel = panels.b;
    for (int j = 0; j < columns; j += COLUMNS) {
      int width = Math.min(COLUMNS, columns - j);
      int at = j * depths;
      if (width < COLUMNS) {
        Arrays.fill(panel, at, at + depths * COLUMNS, 0);
      }
      if (b.columnStride == 1) {
        long from = b.offset + depth * b.rowStride + column + j;
        for (int p = 0; p < depths; p++) {
          Elements.read(
              b.dtype,
              b.segment,
              from + p * b.rowStride,
              panel,
              at + p * COLUMNS,
              width,
              panels.elements);
        }
      } else {
        float[] line = panels.line;
        for (int w = 0; w < width; w++) {
          long from = b.offset + depth * b.rowStride + (column + j + w) * b.columnStride;
          read(panels, b, from, b.rowStride, depths);
          for (int p = 0; p < depths; p++) {
            panel[at + w + p * COLUMNS] = line[p];
          }
        }
      }
    }
  }

  /**
   * The product of a panel of A and one of B. It goes to an array: stores to memory segments,
   * inlined so many times, would be beyond what the compiler takes, and vectors would be objects on
   * the heap.
   */
  private static void kernel(float[] a, int aAt, float[] b, int bAt, int depths, float[] tile) {
    if (ROWS == 12) {
      kernel12(a, aAt, b, bAt, depths, tile);
    } else {
      kernel4(a, aAt, b, bAt, depths, tile);
    }
  }

  private static void kernel4(float[] a, int aAt, float[] b, int bAt, int depths, float[] tile) {
    FloatVector zero = FloatVector.zero(FLOATS);
    FloatVector left0 = zero;
    FloatVector right0 = zero;
    FloatVector left1 = zero;
    FloatVector right1 = zero;
    FloatVector left2 = zero;
    FloatVector right2 = zero;
    FloatVector left3 = zero;
    FloatVector right3 = zero;
    for (int p = 0; p < depths; p++) {
      FloatVector left = FloatVector.fromArray(FLOATS, b, bAt + p * COLUMNS);
      FloatVector right = FloatVector.fromArray(FLOATS, b, bAt + p * COLUMNS + LANES);
      int at = aAt + p * 4;
      FloatVector factor = FloatVector.broadcast(FLOATS, a[at]);
      left0 = factor.fma(left, left0);
      right0 = factor.fma(right, right0);
      factor = FloatVector.broadcast(FLOATS, a[at + 1]);
      left1 = factor.fma(left, left1);
      right1 = factor.fma(right, right1);
      factor = FloatVector.broadcast(FLOATS, a[at + 2]);
      left2 = factor.fma(left, left2);
      right2 = factor.fma(right, right2);
      factor = FloatVector.broadcast(FLOATS, a[at + 3]);
      left3 = factor.fma(left, left3);
      right3 = factor.fma(right, right3);
    }
    left0.intoArray(tile, 0);
    right0.intoArray(tile, LANES);
    left1.intoArray(tile, COLUMNS);
    right1.intoArray(tile, COLUMNS + LANES);
    left2.intoArray(tile, 2 * COLUMNS);
    right2.intoArray(tile, 2 * COLUMNS + LANES);
    left3.intoArray(tile, 3 * COLUMNS);
    right3.intoArray(tile, 3 * COLUMNS + LANES);
  }

  private static void kernel12(float[] a, int aAt, float[] b, int bAt, int depths, float[] tile) {
    FloatVector zero = FloatVector.zero(FLOATS);
    FloatVector left0 = zero;
    FloatVector right0 = zero;
    FloatVector left1 = zero;
    FloatVector right1 = zero;
    FloatVector left2 = zero;
    FloatVector right2 = zero;
    FloatVector left3 = zero;
    FloatVector right3 = zero;
    FloatVector left4 = zero;
    FloatVector right4 = zero;
    FloatVector left5 = zero;
    FloatVector right5 = zero;
    FloatVector left6 = zero;
    FloatVector right6 = zero;
    FloatVector left7 = zero;
    FloatVector right7 = zero;
    FloatVector left8 = zero;
    FloatVector right8 = zero;
    FloatVector left9 = zero;
    FloatVector right9 = zero;
    FloatVector left10 = zero;
    FloatVector right10 = zero;
    FloatVector left11 = zero;
    FloatVector right11 = zero;
    for (int p = 0; p < depths; p++) {
      FloatVector left = FloatVector.fromArray(FLOATS, b, bAt + p * COLUMNS);
      FloatVector right = FloatVector.fromArray(FLOATS, b, bAt + p * COLUMNS + LANES);
      int at = aAt + p * 12;
      FloatVector factor = FloatVector.broadcast(FLOATS, a[at]);
      left0 = factor.fma(left, left0);
      right0 = factor.fma(right, right0);
      factor = FloatVector.broadcast(FLOATS, a[at + 1]);
      left1 = factor.fma(left, left1);
      right1 = factor.fma(right, right1);
      factor = FloatVector.broadcast(FLOATS, a[at + 2]);
      left2 = factor.fma(left, left2);
      right2 = factor.fma(right, right2);
      factor = FloatVector.broadcast(FLOATS, a[at + 3]);
      left3 = factor.fma(left, left3);
      right3 = factor.fma(right, right3);
      factor = FloatVector.broadcast(FLOATS, a[at + 4]);
      left4 = factor.fma(left, left4);
      right4 = factor.fma(right, right4);
      factor = FloatVector.broadcast(FLOATS, a[at + 5]);
      left5 = factor.fma(left, left5);
      right5 = factor.fma(right, right5);
      factor = FloatVector.broadcast(FLOATS, a[at + 6]);
      left6 = factor.fma(left, left6);
      right6 = factor.fma(right, right6);
      factor = FloatVector.broadcast(FLOATS, a[at + 7]);
      left7 = factor.fma(left, left7);
      right7 = factor.fma(right, right7);
      factor = FloatVector.broadcast(FLOATS, a[at + 8]);
      left8 = factor.fma(left, left8);
      right8 = factor.fma(right, right8);
      factor = FloatVector.broadcast(FLOATS, a[at + 9]);
      left9 = factor.fma(left, left9);
      right9 = factor.fma(right, right9);
      factor = FloatVector.broadcast(FLOATS, a[at + 10]);
      left10 = factor.fma(left, left10);
      right10 = factor.fma(right, right10);
      factor = FloatVector.broadcast(FLOATS, a[at + 11]);
      left11 = factor.fma(left, left11);
      right11 = factor.fma(right, right11);
    }
    left0.intoArray(tile, 0);
    right0.intoArray(tile, LANES);
    left1.intoArray(tile, COLUMNS);
    right1.intoArray(tile, COLUMNS + LANES);
    left2.intoArray(tile, 2 * COLUMNS);
    right2.intoArray(tile, 2 * COLUMNS + LANES);
    left3.intoArray(tile, 3 * COLUMNS);
    right3.intoArray(tile, 3 * COLUMNS + LANES);
    left4.intoArray(tile, 4 * COLUMNS);
    right4.intoArray(tile, 4 * COLUMNS + LANES);
    left5.intoArray(tile, 5 * COLUMNS);
    right5.intoArray(tile, 5 * COLUMNS + LANES);
    left6.intoArray(tile, 6 * COLUMNS);
    right6.intoArray(tile, 6 * COLUMNS + LANES);
    left7.intoArray(tile, 7 * COLUMNS);
    right7.intoArray(tile, 7 * COLUMNS + LANES);
    left8.intoArray(tile, 8 * COLUMNS);
    right8.intoArray(tile, 8 * COLUMNS + LANES);
    left9.intoArray(tile, 9 * COLUMNS);
    right9.intoArray(tile, 9 * COLUMNS + LANES);
    left10.intoArray(tile, 10 * COLUMNS);
    right10.intoArray(tile, 10 * COLUMNS + LANES);
    left11.intoArray(tile, 11 * COLUMNS);
    right11.intoArray(tile, 11 * COLUMNS + LANES);
  }

  /** Stores a tile, or the part of it that lies within C. */
  private static void store(
      float[] tile, MemorySegment c, long target, long stride, int height, int width, boolean add) {
    for (int i = 0; i < height; i++) {
      long at = (target + i * stride) * Float.BYTES;
      int j = 0;
      for (; j <= width - LANES; j += LANES) {
        FloatVector value = FloatVector.fromArray(FLOATS, tile, i * COLUMNS + j);
        Vectors.store(add ? value.add(Vectors.load(c, at, j)) : value, c, at, j);
      }
      for (; j < width; j++) {
        float value = tile[i * COLUMNS + j];
        Vectors.set(c, at, j, add ? Vectors.get(c, at, j) + value : value);
      }
    }
  }
}
