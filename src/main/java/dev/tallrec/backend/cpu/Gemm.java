package dev.tallrec.backend.cpu;

import dev.tallrec.backend.Matrix;
import dev.tallrec.tensor.DType;
import java.lang.foreign.MemorySegment;
import java.util.List;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * C (+)= A B by blocks: A and B are copied, converted to fp32, into panels that stay in cache,
 * which {@link PanelKernel} multiplies tile by tile (Goto and van de Geijn, "Anatomy of
 * high-performance matrix multiplication", TOMS 2008).
 *
 * <p>The sum over k is split at fixed places, so a result does not depend on how work is shared
 * out.
 */
final class Gemm {

  private static final VectorSpecies<Float> FLOATS = VectorMath.FLOATS;
  private static final int LANES = FLOATS.length();

  private static final int ROWS = PanelKernel.ROWS;
  private static final int STRIDE = PanelKernel.STRIDE;
  private static final int COLUMNS = TileKernel.COLUMNS;

  // Long enough that C is seldom read and written again; a panel of B then streams from the second
  // cache, fast enough for the micro-kernel.
  private static final int K_BLOCK = 768;

  // Columns of B that are transposed at a time are read this far, so that they stay in the first
  // cache.
  static final int LINE = 128;

  // Rows that are worth a piece of their own.
  private static final int ROW_BLOCK = 96;

  // The same where B is in panels already, which then costs a piece little to read once more. A
  // thread gets several, since cores differ in speed, by their kind or by who shares them.
  private static final int PACKED_ROW_BLOCK = 128;
  private static final int PACKED_PIECES_A_THREAD = 4;

  // What is packed of A at a time, while all of the piece's B passes by: the more rows, the less
  // often B comes from far. It stays in the second cache, of which CPUs with vectors of 512 bits
  // have at least 1 MiB, others 256 KiB.
  private static final int MOST_ROWS = 384;
  private static final int PACKED_FLOATS = ROWS == 12 ? 144 * 1024 : 48 * 1024;

  static final int COLUMN_BLOCK = 16 * COLUMNS;

  /**
   * A factor: element (row, column) is at offset + row * rowStride + column * columnStride. On the
   * left columns are contiguous, on the right rows or columns. Set anew for each product, since
   * there are too many of them to make an object each.
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

    /** The columns of {@code matrix} from {@code column} on. */
    Operand of(Matrix matrix, int column) {
      long first = matrix.offset() + column;
      return set(HostBuffer.of(matrix), matrix.dtype(), first, matrix.stride(), 1);
    }
  }

  /** What a product goes to, fp32: element (row, column) is at offset + row * stride + column. */
  static final class Target {
    private MemorySegment segment = MemorySegment.NULL;
    private long offset;
    private long stride;
    private boolean accumulate;

    /**
     * The columns of {@code matrix} from {@code column} on; {@code add} to add to what is there.
     */
    Target of(Matrix matrix, int column, boolean add) {
      segment = HostBuffer.of(matrix);
      offset = matrix.offset() + column;
      stride = matrix.stride();
      accumulate = add;
      return this;
    }
  }

  /** Scratch memory of one thread. */
  static final class Panels {
    private final float[] a = new float[PACKED_FLOATS + RowPanel.SLACK];
    private final float[] rows = new float[ROWS * rowStride(K_BLOCK)];
    private final float[] b = new float[K_BLOCK * COLUMN_BLOCK];
    private final float[] tile = new float[ROWS * COLUMNS];
    private final float[] lines = new float[Math.max(COLUMNS * LINE, COLUMN_BLOCK)];
    private final Elements.Buffer elements = new Elements.Buffer();
  }

  private Gemm() {}

  /** How a product is shared out. Pieces are made of whole sums, so results do not depend on it. */
  static final class Split {
    private int columns;
    private int rowTiles;
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
      return set(m, n, wantedRowPieces, wantedColumnPieces);
    }

    /**
     * The same for a product with a factor in panels: each piece packs its part of A, so pieces get
     * all columns unless there are too few rows. With enough of them a thread that is held up
     * leaves pieces to others.
     */
    int setPacked(int m, int n, int threads) {
      int wantedRowPieces = Math.min(threads, Math.ceilDiv(m, ROW_BLOCK));
      while (threads % wantedRowPieces != 0) {
        wantedRowPieces--;
      }
      int wantedColumnPieces = threads / wantedRowPieces;
      if (wantedColumnPieces == 1) {
        wantedRowPieces *= Math.clamp(m / (threads * PACKED_ROW_BLOCK), 1, PACKED_PIECES_A_THREAD);
      }
      return set(m, n, wantedRowPieces, wantedColumnPieces);
    }

    /** As many pieces as wanted, or fewer, since they are made of whole tiles. */
    private int set(int m, int n, int wantedRowPieces, int wantedColumnPieces) {
      columns = Math.ceilDiv(Math.ceilDiv(n, wantedColumnPieces), COLUMNS) * COLUMNS;
      rowTiles = Math.ceilDiv(m, ROWS);
      rowPieces = Math.min(wantedRowPieces, rowTiles);
      return Math.ceilDiv(n, columns) * rowPieces;
    }

    private int firstColumn(int piece) {
      return piece / rowPieces * columns;
    }

    /** Where the piece's rows begin, or, of the row piece after it, end. Sizes differ by a tile. */
    private int firstRow(int rowPiece) {
      return (int) ((long) rowPiece * rowTiles / rowPieces) * ROWS;
    }
  }

  /** Computes one piece of the product. */
  static void piece(
      Split split, int piece, Panels panels, int m, int n, int k, Operand a, Operand b, Target c) {
    int column = split.firstColumn(piece);
    int columns = Math.min(split.columns, n - column);
    int step = depthStep(k);
    for (int depth = 0; depth < k; depth += step) {
      int depths = Math.min(step, k - depth);
      packB(panels, b, depth, depths, column, columns);
      multiply(split, piece, panels, m, depth, depths, a, panels.b, 0, c, columns);
    }
  }

  /** Computes one piece of the product with a factor that is in panels already. */
  static void piece(
      Split split, int piece, Panels panels, int m, Operand a, PackedFactor b, Target c) {
    int column = split.firstColumn(piece);
    int columns = Math.min(split.columns, b.columns() - column);
    List<PackedFactor.Block> blocks = b.blocks();
    for (int i = 0; i < blocks.size(); i++) {
      PackedFactor.Block block = blocks.get(i);
      int depths = block.depths();
      int bAt = column * depths;
      multiply(
          split, piece, panels, m, block.firstDepth(), depths, a, block.panels(), bAt, c, columns);
    }
  }

  /**
   * Some depths of a piece: C (+)= A B, added to what is there from the second of them on.
   *
   * @param b panels of COLUMNS columns of B one after the other, the piece's from {@code bAt} on
   */
  private static void multiply(
      Split split,
      int piece,
      Panels panels,
      int m,
      int depth,
      int depths,
      Operand a,
      float[] b,
      int bAt,
      Target c,
      int columns) {
    int column = split.firstColumn(piece);
    int rowPiece = piece % split.rowPieces;
    int fromRow = split.firstRow(rowPiece);
    int toRow = Math.min(m, split.firstRow(rowPiece + 1));
    boolean add = c.accumulate || depth > 0;
    int step = rowStep(toRow - fromRow, depths);
    for (int row = fromRow; row < toRow; row += step) {
      int rows = Math.min(step, toRow - row);
      packA(panels, a, row, rows, depth, depths);
      for (int j = 0; j < columns; j += COLUMNS) {
        int width = Math.min(COLUMNS, columns - j);
        for (int i = 0; i < rows; i += ROWS) {
          int height = Math.min(ROWS, rows - i);
          long target = c.offset + (row + i) * c.stride + column + j;
          PanelKernel.kernel(
              panels.a, panelAt(i, depths), b, bAt + j * depths, depths, panels.tile, 0);
          TileKernel.store(panels.tile, 0, c.segment, target, c.stride, height, width, add);
        }
      }
    }
  }

  /** Where the sum over k is split: in parts of about one size, so that none is short. */
  static int depthStep(int k) {
    return evenStep(k, K_BLOCK, LANES);
  }

  /** The step, a multiple of {@code unit}, of as few steps of at most {@code most} as will do. */
  private static int evenStep(int length, int most, int unit) {
    int parts = Math.max(Math.ceilDiv(length, most), 1);
    return Math.ceilDiv(Math.ceilDiv(length, parts), unit) * unit;
  }

  /** How many rows of A are packed at a time: as many as have room, and no few of them last. */
  private static int rowStep(int rows, int depths) {
    int most = Math.min(MOST_ROWS, PACKED_FLOATS / depths / STRIDE * ROWS);
    return evenStep(rows, most, ROWS);
  }

  /** An odd number of vectors, so that rows lie in different sets of the cache. */
  static int rowStride(int depths) {
    return (Math.ceilDiv(depths, LANES) | 1) * LANES;
  }

  /** Where the panel begins whose first row is {@code row} of those that are packed. */
  private static int panelAt(int row, int depths) {
    return row / ROWS * STRIDE * depths;
  }

  /** Panels of ROWS rows, k-major. */
  private static void packA(Panels panels, Operand a, int row, int rows, int depth, int depths) {
    int stride = rowStride(depths);
    for (int i = 0; i < rows; i += ROWS) {
      int height = Math.min(ROWS, rows - i);
      for (int r = 0; r < height; r++) {
        long from = a.offset + (row + i + r) * a.rowStride + depth;
        Elements.read(a.dtype, a.segment, from, panels.rows, r * stride, depths, panels.elements);
      }
      RowPanel.interleave(panels.rows, stride, depths, panels.a, panelAt(i, depths));
    }
  }

  /** Panels of COLUMNS columns, k-major. */
  private static void packB(
      Panels panels, Operand b, int depth, int depths, int column, int columns) {
    if (b.columnStride == 1) {
      packRows(panels, b, depth, depths, column, columns, panels.b, 0);
    } else {
      for (int j = 0; j < columns; j += COLUMNS) {
        int width = Math.min(COLUMNS, columns - j);
        packTransposedPanel(panels, b, depth, depths, column + j, width, j * depths);
      }
    }
  }

  /**
   * Panels of at most COLUMN_BLOCK columns that are neighbours in memory, from {@code at} on. Rows
   * are read whole: what reading costs besides is the same for a few elements and for many.
   */
  static void packRows(
      Panels panels,
      Operand b,
      int depth,
      int depths,
      int column,
      int columns,
      float[] target,
      int at) {
    float[] line = panels.lines;
    for (int p = 0; p < depths; p++) {
      long from = b.offset + (depth + p) * b.rowStride + column;
      Elements.read(b.dtype, b.segment, from, line, 0, columns, panels.elements);
      spread(line, columns, target, at + p * COLUMNS, depths * COLUMNS);
    }
  }

  private static void spread(float[] line, int columns, float[] panels, int at, int betweenPanels) {
    for (int j = 0; j < columns; j += COLUMNS) {
      int target = at + j / COLUMNS * betweenPanels;
      FloatVector.fromArray(FLOATS, line, j).intoArray(panels, target);
      FloatVector.fromArray(FLOATS, line, j + LANES).intoArray(panels, target + LANES);
    }
  }

  /** A panel of columns that lie along k in memory, as weights do in x W^T. */
  private static void packTransposedPanel(
      Panels panels, Operand b, int depth, int depths, int column, int width, int at) {
    for (int p = 0; p < depths; p += LINE) {
      int count = Math.min(LINE, depths - p);
      readLines(panels, b, depth + p, count, column, width, 0);
      interleave(panels, count, panels.b, at + p * COLUMNS);
    }
  }

  /**
   * Reads {@code count} elements along k, at most LINE, of {@code width} columns that lie so in
   * memory, as a panel's columns {@code first} on, for {@link #interleave}.
   */
  static void readLines(
      Panels panels, Operand b, int depth, int count, int column, int width, int first) {
    for (int w = 0; w < width; w++) {
      long from = b.offset + depth + (column + w) * b.columnStride;
      int to = (first + w) * LINE;
      Elements.read(b.dtype, b.segment, from, panels.lines, to, count, panels.elements);
    }
  }

  /** Writes {@code count} rows of a panel, from {@code at} on, out of what was read. */
  static void interleave(Panels panels, int count, float[] panel, int at) {
    float[] lines = panels.lines;
    for (int q = 0; q < count; q++) {
      int to = at + q * COLUMNS;
      for (int w = 0; w < COLUMNS; w++) {
        panel[to + w] = lines[w * LINE + q];
      }
    }
  }
}
