package dev.tallrec.backend.cpu;

import dev.tallrec.backend.Matrix;
import dev.tallrec.tensor.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
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
  private static final int ROWS = 4;
  private static final int COLUMNS = 2 * LANES;
  private static final int K_BLOCK = 256;
  private static final int ROW_BLOCK = 64;
  private static final int COLUMN_BLOCK = 8 * COLUMNS;
  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;
  private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;

  /** A factor: element (row, column) is at offset + row * rowStride + column * columnStride. */
  record Operand(
      MemorySegment segment, DType dtype, long offset, long rowStride, long columnStride) {

    static Operand of(Matrix matrix) {
      return new Operand(
          HostBuffer.of(matrix), matrix.dtype(), matrix.offset(), matrix.stride(), 1);
    }

    static Operand transposed(Matrix matrix) {
      return new Operand(
          HostBuffer.of(matrix), matrix.dtype(), matrix.offset(), 1, matrix.stride());
    }
  }

  /** Scratch memory of one thread. */
  static final class Panels {
    private final float[] a = new float[ROW_BLOCK * K_BLOCK];
    private final float[] b = new float[K_BLOCK * COLUMN_BLOCK];
    private final MemorySegment tile;

    /** Every result goes to native memory: stores that see one kind of segment stay fast. */
    Panels(Arena arena) {
      tile = arena.allocate((long) ROWS * COLUMNS * Float.BYTES, 64);
    }
  }

  private Gemm() {}

  /** Number of pieces that a product with n columns falls into for {@link WorkerPool}. */
  static int pieces(int m, int n) {
    return Math.ceilDiv(n, COLUMN_BLOCK) * rowPieces(m);
  }

  private static int rowPieces(int m) {
    return m >= 8 * ROW_BLOCK ? 4 : 1;
  }

  /** Computes one piece of the product. */
  static void piece(
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
    int rowPieces = rowPieces(m);
    int column = piece / rowPieces * COLUMN_BLOCK;
    int columns = Math.min(COLUMN_BLOCK, n - column);
    int rowsPerPiece = Math.ceilDiv(Math.ceilDiv(m, rowPieces), ROW_BLOCK) * ROW_BLOCK;
    int fromRow = piece % rowPieces * rowsPerPiece;
    int toRow = Math.min(m, fromRow + rowsPerPiece);
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
      packB(panels.b, b, depth, depths, column, columns);
      for (int row = fromRow; row < toRow; row += ROW_BLOCK) {
        int rows = Math.min(ROW_BLOCK, toRow - row);
        packA(panels.a, a, row, rows, depth, depths, alpha);
        for (int j = 0; j < columns; j += COLUMNS) {
          int width = Math.min(COLUMNS, columns - j);
          for (int i = 0; i < rows; i += ROWS) {
            int height = Math.min(ROWS, rows - i);
            long target = cOffset + (row + i) * cStride + column + j;
            if (height == ROWS && width == COLUMNS) {
              kernel(panels.a, i * depths, panels.b, j * depths, depths, c, target, cStride, add);
            } else {
              edge(panels, i * depths, j * depths, depths, c, target, cStride, height, width, add);
            }
          }
        }
      }
    }
  }

  /** Panels of ROWS rows, k-major, zero-filled to whole panels. */
  private static void packA(
      float[] panel, Operand a, int row, int rows, int depth, int depths, float alpha) {
    for (int i = 0; i < rows; i += ROWS) {
      for (int r = 0; r < ROWS; r++) {
        int at = i * depths + r;
        if (i + r >= rows) {
          for (int p = 0; p < depths; p++) {
            panel[at + p * ROWS] = 0;
          }
          continue;
        }
        long from = a.offset + (row + i + r) * a.rowStride + depth * a.columnStride;
        if (a.dtype != DType.F32) {
          for (int p = 0; p < depths; p++) {
            panel[at + p * ROWS] = alpha * half(a, from + p * a.columnStride);
          }
        } else if (a.columnStride == 1) {
          for (int p = 0; p < depths; p++) {
            panel[at + p * ROWS] = alpha * a.segment.getAtIndex(FLOAT, from + p);
          }
        } else {
          for (int p = 0; p < depths; p++) {
            panel[at + p * ROWS] = alpha * a.segment.getAtIndex(FLOAT, from + p * a.columnStride);
          }
        }
      }
    }
  }

  private static float half(Operand operand, long index) {
    short bits = operand.segment.getAtIndex(SHORT, index);
    return operand.dtype == DType.F16
        ? Float.float16ToFloat(bits)
        : Float.intBitsToFloat(bits << 16);
  }

  /** Panels of COLUMNS columns, k-major, zero-filled to whole panels. */
  private static void packB(
      float[] panel, Operand b, int depth, int depths, int column, int columns) {
    for (int j = 0; j < columns; j += COLUMNS) {
      int width = Math.min(COLUMNS, columns - j);
      int at = j * depths;
      if (width < COLUMNS) {
        Arrays.fill(panel, at, at + depths * COLUMNS, 0);
      }
      long from = b.offset + depth * b.rowStride + (column + j) * b.columnStride;
      if (b.columnStride == 1) {
        for (int p = 0; p < depths; p++) {
          packRow(panel, at + p * COLUMNS, b, from + p * b.rowStride, width);
        }
      } else {
        for (int w = 0; w < width; w++) {
          packColumn(panel, at + w, b, from + w * b.columnStride, depths);
        }
      }
    }
  }

  private static void packRow(float[] panel, int at, Operand b, long from, int width) {
    switch (b.dtype) {
      case F32 -> MemorySegment.copy(b.segment, FLOAT, from * Float.BYTES, panel, at, width);
      case F16 -> {
        for (int w = 0; w < width; w++) {
          panel[at + w] = Float.float16ToFloat(b.segment.getAtIndex(SHORT, from + w));
        }
      }
      default -> {
        for (int w = 0; w < width; w++) {
          panel[at + w] = Float.intBitsToFloat(b.segment.getAtIndex(SHORT, from + w) << 16);
        }
      }
    }
  }

  private static void packColumn(float[] panel, int at, Operand b, long from, int depths) {
    long stride = b.rowStride;
    switch (b.dtype) {
      case F32 -> {
        for (int p = 0; p < depths; p++) {
          panel[at + p * COLUMNS] = b.segment.getAtIndex(FLOAT, from + p * stride);
        }
      }
      case F16 -> {
        for (int p = 0; p < depths; p++) {
          panel[at + p * COLUMNS] =
              Float.float16ToFloat(b.segment.getAtIndex(SHORT, from + p * stride));
        }
      }
      default -> {
        for (int p = 0; p < depths; p++) {
          panel[at + p * COLUMNS] =
              Float.intBitsToFloat(b.segment.getAtIndex(SHORT, from + p * stride) << 16);
        }
      }
    }
  }

  private static void kernel(
      float[] a,
      int aAt,
      float[] b,
      int bAt,
      int depths,
      MemorySegment c,
      long target,
      long stride,
      boolean add) {
    FloatVector c00 = FloatVector.zero(FLOATS);
    FloatVector c01 = c00;
    FloatVector c10 = c00;
    FloatVector c11 = c00;
    FloatVector c20 = c00;
    FloatVector c21 = c00;
    FloatVector c30 = c00;
    FloatVector c31 = c00;
    for (int p = 0; p < depths; p++) {
      FloatVector b0 = FloatVector.fromArray(FLOATS, b, bAt + p * COLUMNS);
      FloatVector b1 = FloatVector.fromArray(FLOATS, b, bAt + p * COLUMNS + LANES);
      FloatVector a0 = FloatVector.broadcast(FLOATS, a[aAt + p * ROWS]);
      c00 = a0.fma(b0, c00);
      c01 = a0.fma(b1, c01);
      FloatVector a1 = FloatVector.broadcast(FLOATS, a[aAt + p * ROWS + 1]);
      c10 = a1.fma(b0, c10);
      c11 = a1.fma(b1, c11);
      FloatVector a2 = FloatVector.broadcast(FLOATS, a[aAt + p * ROWS + 2]);
      c20 = a2.fma(b0, c20);
      c21 = a2.fma(b1, c21);
      FloatVector a3 = FloatVector.broadcast(FLOATS, a[aAt + p * ROWS + 3]);
      c30 = a3.fma(b0, c30);
      c31 = a3.fma(b1, c31);
    }
    store(c00, c01, c, target, add);
    store(c10, c11, c, target + stride, add);
    store(c20, c21, c, target + 2 * stride, add);
    store(c30, c31, c, target + 3 * stride, add);
  }

  private static void store(
      FloatVector left, FloatVector right, MemorySegment c, long target, boolean add) {
    long at = target * Float.BYTES;
    long at1 = at + (long) LANES * Float.BYTES;
    if (add) {
      left = left.add(FloatVector.fromMemorySegment(FLOATS, c, at, Vectors.ORDER));
      right = right.add(FloatVector.fromMemorySegment(FLOATS, c, at1, Vectors.ORDER));
    }
    left.intoMemorySegment(c, at, Vectors.ORDER);
    right.intoMemorySegment(c, at1, Vectors.ORDER);
  }

  /** A tile that sticks out of C: computed whole aside, then the part that is wanted is stored. */
  private static void edge(
      Panels panels,
      int aAt,
      int bAt,
      int depths,
      MemorySegment c,
      long target,
      long stride,
      int height,
      int width,
      boolean add) {
    kernel(panels.a, aAt, panels.b, bAt, depths, panels.tile, 0, COLUMNS, false);
    for (int i = 0; i < height; i++) {
      for (int j = 0; j < width; j++) {
        long index = target + i * stride + j;
        float value = panels.tile.getAtIndex(FLOAT, (long) i * COLUMNS + j);
        c.setAtIndex(FLOAT, index, add ? c.getAtIndex(FLOAT, index) + value : value);
      }
    }
  }
}
