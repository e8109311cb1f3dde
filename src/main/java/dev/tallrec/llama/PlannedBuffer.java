package dev.tallrec.llama;

import java.util.List;

/**
 * A buffer of a memory plan.
 *
 * @param label what it is for
 * @param bytes its size
 */
public record PlannedBuffer(String label, long bytes) {

  /** Bytes of all together. */
  public static long sum(List<PlannedBuffer> buffers) {
    return buffers.stream().mapToLong(PlannedBuffer::bytes).sum();
  }
}
