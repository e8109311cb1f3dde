package dev.tallrec.backend.cuda;

import dev.tallrec.tensor.DType;
import java.lang.foreign.MemorySegment;

/**
 * A GPU that need not be there. It computes nothing: its clock runs on by the time that each launch
 * takes at least, by the operations of products or by the bytes of the matrices, whichever takes
 * longer. What is copied to the host is zero.
 */
final class PlannedDriver implements CudaDriver {

  private static final long ALIGNMENT = 256;

  private final GpuModel gpu;
  private final DType computeType;
  private long nextAddress = ALIGNMENT;
  private double nanos;

  PlannedDriver(GpuModel gpu, DType computeType) {
    this.gpu = gpu;
    this.computeType = computeType;
  }

  @Override
  public String description() {
    return "%s at its best: %.1f TFLOP/s, %.0f GB/s"
        .formatted(gpu.label(), gpu.flop(computeType) / 1e12, gpu.bytes() / 1e9);
  }

  @Override
  public long allocate(long bytes, String label) {
    long address = nextAddress;
    nextAddress += Math.ceilDiv(bytes, ALIGNMENT) * ALIGNMENT;
    return address;
  }

  @Override
  public void free(long address) {
    // Addresses are not used twice.
  }

  @Override
  public long freeBytes() {
    return Long.MAX_VALUE - nextAddress;
  }

  @Override
  public void copyToDevice(MemorySegment source, long target) {
    // What a step copies is too little to count.
  }

  @Override
  public void copyToHost(long source, MemorySegment target) {
    target.fill((byte) 0);
  }

  private void pass(double flop, long bytes) {
    nanos += 1e9 * Math.max(flop / gpu.flop(computeType), bytes / gpu.bytes());
  }

  @Override
  public void launch(String kernel, Grid grid, int threads, Object... arguments) {
    pass(0, Span.bytes(arguments));
  }

  @Override
  public void launchProducts(
      String kernel, double flop, Grid grid, int threads, Object... arguments) {
    pass(flop, Span.bytes(arguments));
  }

  @Override
  public void gemm(Gemm gemm) {
    pass(gemm.flop(), gemm.bytes());
  }

  @Override
  public void synchronize() {
    // Everything is done at once.
  }

  @Override
  public TimingEvent newEvent() {
    return new Mark();
  }

  @Override
  public void close() {
    // Nothing was opened.
  }

  /** A time of the clock. */
  private final class Mark implements TimingEvent {
    private double at;

    @Override
    public void record() {
      at = nanos;
    }

    @Override
    public long nanosSince(TimingEvent earlier) {
      return Math.round(at - ((Mark) earlier).at);
    }

    @Override
    public void close() {
      // Nothing was opened.
    }
  }
}
