package dev.tallrec.benchmarks;

import org.jspecify.annotations.Nullable;

/** How much was done in how long, over an iteration: by the device's clock where it has one. */
final class Meter {

  private @Nullable DeviceUnderTest device;
  private double amount;
  private long deviceNanos;
  private long start;

  void restart(@Nullable DeviceUnderTest measured) {
    device = measured;
    if (measured != null) {
      measured.takeNanos();
    }
    amount = 0;
    deviceNanos = 0;
    start = System.nanoTime();
  }

  /** Counts what the device was just asked to do; waits for it where that is not done yet. */
  void did(double more) {
    amount += more;
    if (device != null) {
      deviceNanos += device.takeNanos();
    }
  }

  double perSecond() {
    boolean ofDevice = device != null && device.takesTime();
    return amount * 1e9 / (ofDevice ? deviceNanos : System.nanoTime() - start);
  }

  double percentOf(double ceiling) {
    return 100 * perSecond() / ceiling;
  }
}
