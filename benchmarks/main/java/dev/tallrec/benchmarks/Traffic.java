package dev.tallrec.benchmarks;

import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/** Bytes read and written. */
@State(Scope.Thread)
@AuxCounters(AuxCounters.Type.EVENTS)
public class Traffic {

  private final Meter meter = new Meter();
  private DeviceUnderTest device;

  /** Starts again. */
  @Setup(Level.Iteration)
  public void restart(DeviceUnderTest deviceUnderTest) {
    device = deviceUnderTest;
    meter.restart(deviceUnderTest);
  }

  void did(double bytes) {
    meter.did(bytes);
  }

  /** Billions of bytes a second. */
  public double gbytePerSecond() {
    return meter.perSecond() / 1e9;
  }

  /** Share of the fastest copy of 64 MiB; more than all of it where data stay in caches. */
  public double percentOfCopy() {
    return meter.percentOf(device.copyCeiling());
  }
}
