package dev.tallrec.backend.cpu;

import dev.tallrec.backend.Matrix;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/** Rotary embedding, SwiGLU and its gradient, a row at a time. */
final class Activations {

  private static final int LANES = Vectors.LANES;

  private Activations() {}

  static void ropeRow(Matrix x, int row, int position, Matrix cosines, Matrix sines, float sign) {
    MemorySegment xs = HostBuffer.of(x);
    MemorySegment cs = HostBuffer.of(cosines);
    MemorySegment ss = HostBuffer.of(sines);
    long cAt = Vectors.at(cosines, position);
    long sAt = Vectors.at(sines, position);
    long xAt = Vectors.at(x, row);
    int half = cosines.columns();
    int heads = x.columns() / (2 * half);
    long apart = (long) half * Float.BYTES;
    FloatVector signs = FloatVector.broadcast(Vectors.FLOATS, sign);
    int i = 0;
    for (; i < Vectors.FLOATS.loopBound(half); i += LANES) {
      FloatVector cos = Vectors.load(cs, cAt, i);
      FloatVector sin = Vectors.load(ss, sAt, i).mul(signs);
      // Heads within columns: a head of few columns is a loop of one pass, and its angles are read
      // anew for each head.
      for (int head = 0; head < heads; head++) {
        long lowAt = xAt + 2L * head * apart;
        FloatVector low = Vectors.load(xs, lowAt, i);
        FloatVector high = Vectors.load(xs, lowAt + apart, i);
        Vectors.store(low.mul(cos).sub(high.mul(sin)), xs, lowAt, i);
        Vectors.store(high.mul(cos).add(low.mul(sin)), xs, lowAt + apart, i);
      }
    }
    for (; i < half; i++) {
      float cos = Vectors.get(cs, cAt, i);
      float sin = Vectors.get(ss, sAt, i) * sign;
      for (int head = 0; head < heads; head++) {
        long lowAt = xAt + 2L * head * apart;
        float low = Vectors.get(xs, lowAt, i);
        float high = Vectors.get(xs, lowAt + apart, i);
        Vectors.set(xs, lowAt, i, low * cos - high * sin);
        Vectors.set(xs, lowAt + apart, i, high * cos + low * sin);
      }
    }
  }

  static void swigluRow(Matrix gate, Matrix up, Matrix out, int row) {
    MemorySegment gs = HostBuffer.of(gate);
    MemorySegment us = HostBuffer.of(up);
    MemorySegment os = HostBuffer.of(out);
    long gAt = Vectors.at(gate, row);
    long uAt = Vectors.at(up, row);
    long oAt = Vectors.at(out, row);
    int columns = gate.columns();
    int i = 0;
    for (; i < Vectors.FLOATS.loopBound(columns); i += LANES) {
      FloatVector g = Vectors.load(gs, gAt, i);
      FloatVector sigmoid = VectorMath.exp(g.neg()).add(1f);
      Vectors.store(g.div(sigmoid).mul(Vectors.load(us, uAt, i)), os, oAt, i);
    }
    for (; i < columns; i++) {
      float g = Vectors.get(gs, gAt, i);
      Vectors.set(os, oAt, i, g / (VectorMath.exp(-g) + 1f) * Vectors.get(us, uAt, i));
    }
  }

  static void swigluBackwardRow(
      Matrix dout, Matrix gate, Matrix up, Matrix dgate, Matrix dup, int row) {
    MemorySegment ds = HostBuffer.of(dout);
    MemorySegment gs = HostBuffer.of(gate);
    MemorySegment us = HostBuffer.of(up);
    MemorySegment dgs = HostBuffer.of(dgate);
    MemorySegment dus = HostBuffer.of(dup);
    long dAt = Vectors.at(dout, row);
    long gAt = Vectors.at(gate, row);
    long uAt = Vectors.at(up, row);
    long dgAt = Vectors.at(dgate, row);
    long duAt = Vectors.at(dup, row);
    int columns = gate.columns();
    FloatVector one = FloatVector.broadcast(Vectors.FLOATS, 1f);
    int i = 0;
    for (; i < Vectors.FLOATS.loopBound(columns); i += LANES) {
      FloatVector d = Vectors.load(ds, dAt, i);
      FloatVector g = Vectors.load(gs, gAt, i);
      FloatVector u = Vectors.load(us, uAt, i);
      FloatVector sigmoid = one.div(VectorMath.exp(g.neg()).add(1f));
      FloatVector slope = sigmoid.mul(one.add(g.mul(one.sub(sigmoid))));
      Vectors.store(d.mul(u).mul(slope), dgs, dgAt, i);
      Vectors.store(d.mul(g).mul(sigmoid), dus, duAt, i);
    }
    if (i < columns) {
      swigluBackwardTail(dout, gate, up, dgate, dup, row, i);
    }
  }

  /**
   * The columns from {@code first} on, which fill no vector. Apart, for with it in the same method
   * the compiler would stop inlining before the end of the loop over vectors.
   */
  private static void swigluBackwardTail(
      Matrix dout, Matrix gate, Matrix up, Matrix dgate, Matrix dup, int row, int first) {
    for (int i = first; i < gate.columns(); i++) {
      float d = Vectors.get(HostBuffer.of(dout), Vectors.at(dout, row), i);
      float g = Vectors.get(HostBuffer.of(gate), Vectors.at(gate, row), i);
      float u = Vectors.get(HostBuffer.of(up), Vectors.at(up, row), i);
      float sigmoid = 1f / (VectorMath.exp(-g) + 1f);
      float slope = sigmoid * (1f + g * (1f - sigmoid));
      Vectors.set(HostBuffer.of(dgate), Vectors.at(dgate, row), i, d * u * slope);
      Vectors.set(HostBuffer.of(dup), Vectors.at(dup, row), i, d * g * sigmoid);
    }
  }
}
