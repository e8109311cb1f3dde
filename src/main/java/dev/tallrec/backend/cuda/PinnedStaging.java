package dev.tallrec.backend.cuda;

import static jcuda.driver.JCudaDriver.cuEventCreate;
import static jcuda.driver.JCudaDriver.cuEventDestroy;
import static jcuda.driver.JCudaDriver.cuEventRecord;
import static jcuda.driver.JCudaDriver.cuEventSynchronize;
import static jcuda.driver.JCudaDriver.cuMemFreeHost;
import static jcuda.driver.JCudaDriver.cuMemHostAlloc;
import static jcuda.driver.JCudaDriver.cuMemcpyHtoDAsync;

import java.lang.foreign.MemorySegment;
import jcuda.Pointer;
import jcuda.driver.CUevent;
import jcuda.driver.CUevent_flags;
import jcuda.driver.CUstream;

/**
 * Copies to a device through two pinned buffers in turn: while one is on its way, the other is
 * filled from the (mapped) source.
 */
final class PinnedStaging implements AutoCloseable {

  private static final int BUFFERS = 2;
  private static final long BYTES = 32L << 20;

  private final CUstream stream;
  private final Pointer[] pinned = new Pointer[BUFFERS];
  private final MemorySegment[] views = new MemorySegment[BUFFERS];
  private final CUevent[] arrived = new CUevent[BUFFERS];
  private int buffer;

  PinnedStaging(CUstream stream) {
    this.stream = stream;
    for (int i = 0; i < BUFFERS; i++) {
      pinned[i] = new Pointer();
      cuMemHostAlloc(pinned[i], BYTES, 0);
      views[i] = MemorySegment.ofBuffer(pinned[i].getByteBuffer(0, BYTES));
      arrived[i] = new CUevent();
      cuEventCreate(arrived[i], CUevent_flags.CU_EVENT_DISABLE_TIMING);
    }
  }

  /** The source may be reused on return; the copy arrives before later work of the stream. */
  void copy(MemorySegment source, DevicePointer target) {
    for (long from = 0; from < source.byteSize(); from += BYTES) {
      long bytes = Math.min(BYTES, source.byteSize() - from);
      cuEventSynchronize(arrived[buffer]);
      MemorySegment.copy(source, from, views[buffer], 0, bytes);
      cuMemcpyHtoDAsync(target.plus(from), pinned[buffer], bytes, stream);
      cuEventRecord(arrived[buffer], stream);
      buffer = (buffer + 1) % BUFFERS;
    }
  }

  @Override
  public void close() {
    for (int i = 0; i < BUFFERS; i++) {
      cuEventSynchronize(arrived[i]);
      cuEventDestroy(arrived[i]);
      cuMemFreeHost(pinned[i]);
    }
  }
}
