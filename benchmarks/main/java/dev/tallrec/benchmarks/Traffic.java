package dev.tallrec.benchmarks;

import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;

/** Bytes read and written. */
@State(Scope.Thread)
@AuxCounters(AuxCounters.Type.OPERATIONS)
public class Traffic extends DeviceRate {

  /** Kernels and products that a GPU was given; operations on a CPU are none. */
  public double launches;

  /** Bytes between the host and a GPU. */
  public double bytesCopied;

  @Override
  void called(long moreLaunches, long moreBytesCopied) {
    launches += moreLaunches;
    bytesCopied += moreBytesCopied;
  }

  /** Billions of bytes a second. */
  public double gbytePerSecond() {
    return amount() / 1e9;
  }

  /**
   * Share of the fastest copy measured on the device; more than all of it where data stay in
   * caches.
   */
  public double percentOfCopy() {
    return 100 * amount() / device().copyCeiling();
  }
}
