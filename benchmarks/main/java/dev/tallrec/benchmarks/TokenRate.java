package dev.tallrec.benchmarks;

import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/** Tokens; JMH prints them per second of the clock. */
@State(Scope.Thread)
@AuxCounters(AuxCounters.Type.OPERATIONS)
public class TokenRate {

  /** So many. */
  public double tokens;

  /** Starts again. */
  @Setup(Level.Iteration)
  public void restart() {
    tokens = 0;
  }

  void did(double more) {
    tokens += more;
  }
}
