package dev.tallrec.backend;

/**
 * Owner of device memory: everything allocated from it is freed by {@link #close} and by nothing
 * else.
 */
public interface DeviceArena extends AutoCloseable {

  /**
   * A zeroed buffer aligned to at least 256 bytes.
   *
   * @param label what it is for; shown in memory plans and in the out-of-memory message
   * @throws DeviceMemoryException if the device has not that much left
   */
  Buffer allocate(long byteSize, String label);

  /** Bytes allocated from this arena so far. */
  long allocatedBytes();

  @Override
  void close();
}
