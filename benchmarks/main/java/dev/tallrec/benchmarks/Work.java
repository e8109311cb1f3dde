package dev.tallrec.benchmarks;

import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/** What was done beside the number of operations; JMH prints it per second. */
@State(Scope.Thread)
@AuxCounters(AuxCounters.Type.OPERATIONS)
public class Work {

  /** Billions of floating-point operations, 2 a multiply-add. */
  public double gflop;

  /** Billions of bytes read and written. */
  public double gbyte;

  /** Tokens. */
  public double tokens;

  /** Starts again. */
  @Setup(Level.Iteration)
  public void clear() {
    gflop = 0;
    gbyte = 0;
    tokens = 0;
  }
}
