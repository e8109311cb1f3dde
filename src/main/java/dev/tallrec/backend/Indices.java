package dev.tallrec.backend;

import java.util.Objects;

/**
 * int32 values in device memory: token ids, positions, row numbers. Whoever uploads them has
 * checked their range.
 *
 * @param buffer the memory
 * @param offset ints from the start of the buffer
 * @param count number of values
 */
public record Indices(Buffer buffer, long offset, int count) {

  /** Throws {@link IndexOutOfBoundsException} if the values do not lie within the buffer. */
  public Indices {
    Objects.checkFromIndexSize(offset, count, buffer.byteSize() / Integer.BYTES);
  }

  /** Zeroed indices in memory of their own. */
  public static Indices allocate(DeviceArena arena, String label, int count) {
    return new Indices(arena.allocate((long) count * Integer.BYTES, label), 0, count);
  }

  /** The part of {@code count} values from {@code first}. */
  public Indices slice(int first, int count) {
    Objects.checkFromIndexSize(first, count, this.count);
    return new Indices(buffer, offset + first, count);
  }

  /** The buffer's part that holds these values. */
  public Buffer bytes() {
    return buffer.slice(offset * Integer.BYTES, (long) count * Integer.BYTES);
  }
}
