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
  private long deviceNanos;
  private long start;

  /** Starts again. */
  @Setup(Level.Iteration)
  public void restart(DeviceUnderTest deviceUnderTest) {
    device = deviceUnderTest;
    device.takeNanos();
    amount = 0;
    deviceNanos = 0;
    start = System.nanoTime();
  }

  /** Counts what the device was just asked to do; waits for it where that is not done yet. */
  void did(double more) {
    amount += more;
    deviceNanos += device.takeNanos();
  }

  DeviceUnderTest device() {
    return device;
  }

  /**
   * The amount, or, where the device takes the time itself, what it would have done had it worked
   * all the time that JMH divides by.
   */
  double amount() {
    return device.takesTime() ? amount * (System.nanoTime() - start) / deviceNanos : amount;
  }
}
