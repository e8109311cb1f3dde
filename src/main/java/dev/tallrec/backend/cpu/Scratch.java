package dev.tallrec.backend.cpu;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Working memory of one thread, grown to the largest size asked for. */
final class Scratch implements AutoCloseable {

  private final Gemm.Panels panels = new Gemm.Panels();
  private final Region region = new Region();
  private final Elements.Buffer elements = new Elements.Buffer();
  private float[] row = new float[0];

  /** Panels for {@link Gemm}. */
  Gemm.Panels panels() {
    return panels;
  }

  /** Room to read rows of weights. */
  Elements.Buffer elements() {
    return elements;
  }

  /** Native memory for {@code floats} values, not cleared; the same at every call. */
  MemorySegment floats(long floats) {
    return region.atLeast(floats * Float.BYTES);
  }

  /** A heap array of at least {@code floats} values, not cleared. */
  float[] row(int floats) {
    if (row.length < floats) {
      row = new float[floats];
    }
    return row;
  }

  @Override
  public void close() {
    region.close();
  }

  /** Memory that is replaced by more of it when it is too small. */
  static final class Region implements AutoCloseable {
    private Arena arena = Arena.ofShared();
    private MemorySegment segment = MemorySegment.NULL;

    MemorySegment atLeast(long bytes) {
      if (segment.byteSize() < bytes) {
        arena.close();
        arena = Arena.ofShared();
        segment = arena.allocate(bytes, 64);
      }
      return segment;
    }

    @Override
    public void close() {
      arena.close();
    }
  }
}
