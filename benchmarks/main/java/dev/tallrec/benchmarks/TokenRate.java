package dev.tallrec.benchmarks;

import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/** Tokens. */
@State(Scope.Thread)
@AuxCounters(AuxCounters.Type.EVENTS)
public class TokenRate {

  private final Meter meter = new Meter();

  /** Starts again. */
  @Setup(Level.Iteration)
  public void restart() {
    meter.restart(null);
  }

  void did(double tokens) {
    meter.did(tokens);
  }

  /** Tokens a second of the clock. */
  public double tokensPerSecond() {
    return meter.perSecond();
  }
}
