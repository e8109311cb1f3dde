package dev.tallrec.benchmarks;

import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/** Floating-point operations of products, 2 a multiply-add. */
@State(Scope.Thread)
@AuxCounters(AuxCounters.Type.EVENTS)
public class Products {

  private final Meter meter = new Meter();
  private DeviceUnderTest device;

  /** Starts again. */
  @Setup(Level.Iteration)
  public void restart(DeviceUnderTest deviceUnderTest) {
    device = deviceUnderTest;
    meter.restart(deviceUnderTest);
  }

  void did(double flop) {
    meter.did(flop);
  }

  /** Billions of operations a second. */
  public double gflopPerSecond() {
    return meter.perSecond() / 1e9;
  }

  /** Share of the fastest product. */
  public double percentOfProducts() {
    return meter.percentOf(device.productCeiling());
  }
}
