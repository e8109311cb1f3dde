package dev.tallrec.benchmarks;

import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/** How much a device did over an iteration; JMH divides by the time, and averages. */
@State(Scope.Thread)
abstract class DeviceRate {

  private DeviceUnderTest device;
  private double amount;
  private long nanos;
  private long start;

  /** Starts again. */
  @Setup(Level.Iteration)
  public void restart(DeviceUnderTest deviceUnderTest) {
    device = deviceUnderTest;
    device.takeWork();
    amount = 0;
    nanos = 0;
    start = System.nanoTime();
  }

  /** Counts what the device was just asked to do; waits for it where that is not done yet. */
  void did(double more) {
    amount += more;
    DeviceUnderTest.Work work = device.takeWork();
    nanos += work.nanos();
    called(work.launches(), work.bytesCopied());
  }

  /**
   * Counts launches and bytes between host and device, in fields that JMH finds in no superclass.
   */
  abstract void called(long moreLaunches, long moreBytesCopied);

  DeviceUnderTest device() {
    return device;
  }

  /**
   * The amount, or, where the device takes the time itself, what it would have done had it worked
   * all the time that JMH divides by.
   */
  double amount() {
    return device.takesTime() ? amount * (System.nanoTime() - start) / nanos : amount;
  }
}
