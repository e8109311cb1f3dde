package dev.tallrec.benchmarks;

import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;

/** Floating-point operations of products, 2 a multiply-add. */
@State(Scope.Thread)
@AuxCounters(AuxCounters.Type.OPERATIONS)
public class Products extends DeviceRate {

  /** Kernels and products that a GPU was given; operations on a CPU are none. */
  public double launches;

  /** Bytes between the host and a GPU. */
  public double bytesCopied;

  @Override
  void called(long moreLaunches, long moreBytesCopied) {
    launches += moreLaunches;
    bytesCopied += moreBytesCopied;
  }

  /** Billions of operations a second. */
  public double gflopPerSecond() {
    return amount() / 1e9;
  }

  /** Share of the fastest product. */
  public double percentOfProducts() {
    return 100 * amount() / device().productCeiling();
  }
}
