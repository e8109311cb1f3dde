package dev.tallrec.backend;

/** A region of device memory. It does not own it: the {@link DeviceArena} it came from does. */
public interface Buffer {

  /** Size in bytes. */
  long byteSize();

  /**
   * The region of {@code byteSize} bytes from {@code byteOffset}, sharing this buffer's memory.
   *
   * @throws IndexOutOfBoundsException if it does not lie within this buffer
   */
  Buffer slice(long byteOffset, long byteSize);
}
