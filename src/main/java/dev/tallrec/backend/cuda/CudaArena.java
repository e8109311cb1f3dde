package dev.tallrec.backend.cuda;

import dev.tallrec.backend.Buffer;
import dev.tallrec.backend.DeviceArena;
import java.util.ArrayList;
import java.util.List;

/** Owner of device memory. */
final class CudaArena implements DeviceArena {

  private final CudaDriver driver;
  private final List<Long> addresses = new ArrayList<>();
  private long allocated;

  CudaArena(CudaDriver driver) {
    this.driver = driver;
  }

  @Override
  public Buffer allocate(long byteSize, String label) {
    // CUDA refuses to allocate nothing.
    long address = driver.allocate(Math.max(1, byteSize), label);
    addresses.add(address);
    allocated += byteSize;
    return new CudaBuffer(address, byteSize);
  }

  @Override
  public long allocatedBytes() {
    return allocated;
  }

  @Override
  public void close() {
    addresses.forEach(driver::free);
    addresses.clear();
  }
}
