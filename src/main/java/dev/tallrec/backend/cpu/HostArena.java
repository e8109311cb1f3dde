package dev.tallrec.backend.cpu;

import dev.tallrec.backend.Buffer;
import dev.tallrec.backend.DeviceArena;
import dev.tallrec.backend.DeviceMemoryException;
import java.lang.foreign.Arena;

/** Owner of host memory; shared, since all worker threads touch it. */
final class HostArena implements DeviceArena {

  private static final long ALIGNMENT = 256;

  private final CpuDevice device;
  private final Arena arena = Arena.ofShared();
  private long allocated;

  HostArena(CpuDevice device) {
    this.device = device;
  }

  @Override
  public Buffer allocate(long byteSize, String label) {
    long available = device.availableBytes();
    if (byteSize > available) {
      throw new DeviceMemoryException(
          "%s needs %,d bytes, %,d are free: use a smaller micro-batch, or recompute more layers"
              .formatted(label, byteSize, available));
    }
    allocated += byteSize;
    return new HostBuffer(arena.allocate(byteSize, ALIGNMENT));
  }

  @Override
  public long allocatedBytes() {
    return allocated;
  }

  @Override
  public void close() {
    arena.close();
  }
}
