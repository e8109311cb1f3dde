package dev.tallrec.backend.cpu;

import dev.tallrec.backend.Dropout;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;

/**
 * Which elements of a matrix dropout keeps, one bit each, so that passes over the matrix share the
 * random numbers. Kept elements are left as they are: {@link #keepScale} goes into a product's
 * factor.
 */
final class DropoutMask implements AutoCloseable {

  private static final int LANES = Vectors.LANES;

  private final Scratch.Region region = new Scratch.Region();
  private MemorySegment words = MemorySegment.NULL;
  private Dropout dropout = Dropout.NONE;
  private int columns;
  private long bytesPerRow;

  /** Begins the mask of another matrix, none of its rows {@link #make made}. */
  void set(Dropout newDropout, int rows, int columnCount) {
    dropout = newDropout;
    columns = columnCount;
    bytesPerRow = (long) Math.ceilDiv(columnCount, Philox.COLUMNS_PER_WORD) * Long.BYTES;
    if (isActive()) {
      words = region.atLeast(rows * bytesPerRow);
    }
  }

  boolean isActive() {
    return dropout.isActive();
  }

  /** What a kept element is multiplied by. */
  float keepScale() {
    return dropout.keepScale();
  }

  /** Computes a row's bits. */
  void make(int row) {
    Philox.keptColumns(dropout, row, words, row * bytesPerRow, columns);
  }

  /**
   * out[i] = x[i] where the mask keeps column {@code from + i}, else 0.
   *
   * @param from a multiple of {@link Philox#COLUMNS_PER_WORD}
   */
  void keep(
      int row, int from, MemorySegment x, long xAt, MemorySegment out, long outAt, int length) {
    MemorySegment mask = words;
    long at = row * bytesPerRow + from / Byte.SIZE;
    FloatVector zero = FloatVector.zero(Vectors.FLOATS);
    int i = 0;
    for (; i < Vectors.FLOATS.loopBound(length); i += LANES) {
      Vectors.store(zero.blend(Vectors.load(x, xAt, i), lanes(mask, at, i)), out, outAt, i);
    }
    for (; i < length; i++) {
      Vectors.set(out, outAt, i, isKept(mask, at, i) ? Vectors.get(x, xAt, i) : 0);
    }
  }

  /** y[i] += x[i] where the mask keeps column i. */
  void addKept(int row, MemorySegment x, long xAt, MemorySegment y, long yAt) {
    MemorySegment mask = words;
    long at = row * bytesPerRow;
    FloatVector zero = FloatVector.zero(Vectors.FLOATS);
    int i = 0;
    for (; i < Vectors.FLOATS.loopBound(columns); i += LANES) {
      FloatVector kept = zero.blend(Vectors.load(x, xAt, i), lanes(mask, at, i));
      Vectors.store(Vectors.load(y, yAt, i).add(kept), y, yAt, i);
    }
    for (; i < columns; i++) {
      if (isKept(mask, at, i)) {
        Vectors.set(y, yAt, i, Vectors.get(y, yAt, i) + Vectors.get(x, xAt, i));
      }
    }
  }

  /** The bits of a vector's columns, the first of which is a multiple of the lanes. */
  private static VectorMask<Float> lanes(MemorySegment mask, long at, int column) {
    return VectorMask.fromLong(Vectors.FLOATS, word(mask, at, column) >>> column);
  }

  private static boolean isKept(MemorySegment mask, long at, int column) {
    return (word(mask, at, column) >>> column & 1) != 0;
  }

  private static long word(MemorySegment mask, long at, int column) {
    return mask.get(Philox.WORD, at + (long) (column / Philox.COLUMNS_PER_WORD) * Long.BYTES);
  }

  @Override
  public void close() {
    region.close();
  }
}
