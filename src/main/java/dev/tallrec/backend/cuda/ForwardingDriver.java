package dev.tallrec.backend.cuda;

import java.lang.foreign.MemorySegment;

/** Hands everything on to another driver, for those that change or watch a part of it. */
class ForwardingDriver implements CudaDriver {
  private final CudaDriver target;

  ForwardingDriver(CudaDriver target) {
    this.target = target;
  }

  @Override
  public String description() {
    return target.description();
  }

  @Override
  public long allocate(long bytes, String label) {
    return target.allocate(bytes, label);
  }

  @Override
  public void free(long address) {
    target.free(address);
  }

  @Override
  public long freeBytes() {
    return target.freeBytes();
  }

  @Override
  public void copyToDevice(MemorySegment source, long address) {
    target.copyToDevice(source, address);
  }

  @Override
  public void copyToHost(long source, MemorySegment segment) {
    target.copyToHost(source, segment);
  }

  @Override
  public void launch(String kernel, Grid grid, int threads, Object... arguments) {
    target.launch(kernel, grid, threads, arguments);
  }

  @Override
  public void launchProducts(
      String kernel, double flop, Grid grid, int threads, Object... arguments) {
    target.launchProducts(kernel, flop, grid, threads, arguments);
  }

  @Override
  public void gemm(Gemm gemm) {
    target.gemm(gemm);
  }

  @Override
  public void synchronize() {
    target.synchronize();
  }

  @Override
  public TimingEvent newEvent() {
    return target.newEvent();
  }

  @Override
  public void close() {
    target.close();
  }
}
