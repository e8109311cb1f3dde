package dev.tallrec.backend.cuda;

import dev.tallrec.tensor.DType;
import java.lang.foreign.MemorySegment;

/**
 * What we need of CUDA. Addresses are device addresses. Work is done in the order it is asked for,
 * maybe later, until {@link #synchronize} or a copy to the host.
 */
interface CudaDriver extends AutoCloseable {

  /** Name, compute capability, memory and libraries, on one line. */
  String description();

  /**
   * Zeroed memory, aligned to 256 bytes.
   *
   * @throws dev.tallrec.backend.DeviceMemoryException naming {@code label} if there is not so much
   */
  long allocate(long bytes, String label);

  /** Gives memory back, after everything asked for so far. */
  void free(long address);

  /** Bytes that could still be allocated. */
  long freeBytes();

  /** The source may be reused on return. */
  void copyToDevice(MemorySegment source, long target);

  /** Waits for everything asked for so far. */
  void copyToHost(long source, MemorySegment target);

  /**
   * Launches a kernel.
   *
   * @param kernel exported name
   * @param grid blocks
   * @param threads per block
   * @param arguments {@link Span} or {@link Long} for pointers, {@link Long} for 64-bit integers,
   *     {@link Integer}, {@link Float}
   */
  void launch(String kernel, Grid grid, int threads, Object... arguments);

  /**
   * Launches a kernel whose work is products.
   *
   * @param flop floating-point operations of them, 2 a multiply-add
   */
  default void launchProducts(
      String kernel, double flop, Grid grid, int threads, Object... arguments) {
    launch(kernel, grid, threads, arguments);
  }

  /** Makes a product. */
  void gemm(Gemm gemm);

  /** Waits for everything asked for so far. */
  void synchronize();

  /** A new event, not recorded yet; whoever asked for it closes it before this driver. */
  TimingEvent newEvent();

  @Override
  void close();

  /** A mark in the order of work that keeps the time when it was passed. */
  interface TimingEvent extends AutoCloseable {

    /**
     * Puts the mark behind everything asked for so far, in place of where it was; waits for
     * nothing.
     */
    void record();

    /**
     * Nanoseconds from {@code earlier}, of the same driver, to this one. Both must have been
     * recorded and passed: {@link CudaDriver#synchronize} makes sure of it.
     */
    long nanosSince(TimingEvent earlier);

    /** Gives the event back; only once. */
    @Override
    void close();
  }

  /**
   * Memory that a kernel reads or writes.
   *
   * @param address of its first element
   * @param bytes of its elements, without the gaps between rows
   */
  record Span(long address, long bytes) {
    static final Span NONE = new Span(0, 0);

    /** Bytes of all spans among a launch's arguments. */
    static long bytes(Object... arguments) {
      long bytes = 0;
      for (Object argument : arguments) {
        bytes += argument instanceof Span span ? span.bytes() : 0;
      }
      return bytes;
    }
  }

  /** Blocks of a launch, each at least 1. */
  record Grid(int x, int y, int z) {
    static Grid of(int x) {
      return new Grid(x, 1, 1);
    }

    static Grid of(int x, int y) {
      return new Grid(x, y, 1);
    }
  }

  /**
   * A row-major matrix.
   *
   * @param address of the first element
   * @param stride elements from one row to the next
   */
  record Operand(long address, long stride) {}

  /**
   * A product: c[m, n] (+)= a[m, k] b, fp32 accumulation, row-major.
   *
   * @param type of all three
   * @param transposeB whether b is [n, k] instead of [k, n]
   */
  record Gemm(
      DType type,
      int m,
      int n,
      int k,
      boolean transposeB,
      Operand a,
      Operand b,
      boolean accumulate,
      Operand c) {

    /** Floating-point operations, 2 a multiply-add. */
    double flop() {
      return 2.0 * m * n * k;
    }

    /** Of the three matrices. */
    long bytes() {
      return ((long) m * k + (long) n * k + (long) m * n) * type.byteSize();
    }
  }
}
