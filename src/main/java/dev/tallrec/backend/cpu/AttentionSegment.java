package dev.tallrec.backend.cpu;

import dev.tallrec.backend.AttentionLayout;
import dev.tallrec.backend.Indices;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** A segment of an {@link AttentionLayout}, read anew for each piece of work. */
final class AttentionSegment {

  private int queryStart;
  private int queryCount;
  private int keyStart;
  private int causalOffset;
  private int prefixStart;
  private int prefixLength;

  void read(Indices segments, int index) {
    MemorySegment ints = HostBuffer.of(segments.buffer());
    long at = segments.offset() + (long) index * AttentionLayout.INTS_PER_SEGMENT;
    queryStart = get(ints, at);
    queryCount = get(ints, at + 1);
    keyStart = get(ints, at + 2);
    causalOffset = get(ints, at + 3);
    prefixStart = get(ints, at + 4);
    prefixLength = get(ints, at + 5);
  }

  private static int get(MemorySegment ints, long index) {
    return ints.getAtIndex(ValueLayout.JAVA_INT_UNALIGNED, index);
  }

  int queryStart() {
    return queryStart;
  }

  int queryCount() {
    return queryCount;
  }

  int keyStart() {
    return keyStart;
  }

  int prefixStart() {
    return prefixStart;
  }

  int prefixLength() {
    return prefixLength;
  }

  /** Keys that query {@code query} of the segment sees, those of the prefix first. */
  int keysSeenBy(int query) {
    return prefixLength + causalOffset + query + 1;
  }

  /** Where key {@code key}, counted from the prefix's first, is in k and v. */
  int row(int key) {
    return key < prefixLength ? prefixStart + key : keyStart + key - prefixLength;
  }
}
