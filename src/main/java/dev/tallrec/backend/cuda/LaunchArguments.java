package dev.tallrec.backend.cuda;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jcuda.Pointer;

/**
 * The arguments of a launch as the driver takes them: an array of addresses, each of a value. Both
 * are native memory that every launch uses again, since the driver copies the values; JCuda would
 * make them anew of Java arrays, argument by argument. For one thread.
 */
final class LaunchArguments {

  private static final int MOST = 64;

  private final MemorySegment values;
  private final Pointer addresses;

  LaunchArguments() {
    Arena arena = Arena.ofAuto();
    values = arena.allocate(ValueLayout.JAVA_LONG, MOST);
    MemorySegment table = arena.allocate(ValueLayout.ADDRESS, MOST);
    for (int i = 0; i < MOST; i++) {
      table.setAtIndex(ValueLayout.ADDRESS, i, values.asSlice((long) i * Long.BYTES));
    }
    addresses = Pointer.to(table.asByteBuffer());
  }

  /**
   * Takes them over; what was there before is gone.
   *
   * @return the addresses of the values, for cuLaunchKernel
   * @throws IllegalArgumentException if one is of a kind that no kernel has
   */
  Pointer of(Object... arguments) {
    for (int i = 0; i < arguments.length; i++) {
      long offset = (long) i * Long.BYTES;
      switch (arguments[i]) {
        case CudaDriver.Span span -> values.set(ValueLayout.JAVA_LONG, offset, span.address());
        case Long number -> values.set(ValueLayout.JAVA_LONG, offset, number);
        case Integer number -> values.set(ValueLayout.JAVA_INT, offset, number);
        case Float number -> values.set(ValueLayout.JAVA_FLOAT, offset, number);
        default -> throw new IllegalArgumentException("argument " + arguments[i]);
      }
    }
    return addresses;
  }
}
