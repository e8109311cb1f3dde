package dev.tallrec.backend.cpu;

import dev.tallrec.backend.Matrix;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/** RMSNorm and its gradient, a row at a time. */
final class Normalization {

  private static final int LANES = Vectors.LANES;

  private Normalization() {}

  /** sum = x + delta. */
  static void addRow(Matrix x, Matrix delta, Matrix sum, int row) {
    MemorySegment xs = HostBuffer.of(x);
    MemorySegment ds = HostBuffer.of(delta);
    MemorySegment ss = HostBuffer.of(sum);
    long xAt = Vectors.at(x, row);
    long dAt = Vectors.at(delta, row);
    long sAt = Vectors.at(sum, row);
    int columns = x.columns();
    int i = 0;
    for (; i < Vectors.FLOATS.loopBound(columns); i += LANES) {
      Vectors.store(Vectors.load(xs, xAt, i).add(Vectors.load(ds, dAt, i)), ss, sAt, i);
    }
    for (; i < columns; i++) {
      Vectors.set(ss, sAt, i, Vectors.get(xs, xAt, i) + Vectors.get(ds, dAt, i));
    }
  }

  static void row(Matrix x, Matrix weight, float epsilon, Matrix out, Matrix rstd, int row) {
    MemorySegment xs = HostBuffer.of(x);
    MemorySegment ws = HostBuffer.of(weight);
    MemorySegment os = HostBuffer.of(out);
    long xAt = Vectors.at(x, row);
    long wAt = Vectors.at(weight, 0);
    long oAt = Vectors.at(out, row);
    int columns = x.columns();
    float mean = Vectors.dot(xs, xAt, xs, xAt, columns) / columns;
    float scale = (float) (1 / Math.sqrt(mean + epsilon));
    Vectors.set(HostBuffer.of(rstd), Vectors.at(rstd, row), 0, scale);
    FloatVector scales = FloatVector.broadcast(Vectors.FLOATS, scale);
    int i = 0;
    for (; i < Vectors.FLOATS.loopBound(columns); i += LANES) {
      FloatVector normed = Vectors.load(xs, xAt, i).mul(scales);
      Vectors.store(normed.mul(Vectors.load(ws, wAt, i)), os, oAt, i);
    }
    for (; i < columns; i++) {
      Vectors.set(os, oAt, i, Vectors.get(xs, xAt, i) * scale * Vectors.get(ws, wAt, i));
    }
  }

  static void backwardRow(Matrix dout, Matrix x, Matrix weight, Matrix rstd, Matrix dx, int row) {
    MemorySegment gs = HostBuffer.of(dout);
    MemorySegment xs = HostBuffer.of(x);
    MemorySegment ws = HostBuffer.of(weight);
    MemorySegment ds = HostBuffer.of(dx);
    long gAt = Vectors.at(dout, row);
    long xAt = Vectors.at(x, row);
    long wAt = Vectors.at(weight, 0);
    long dAt = Vectors.at(dx, row);
    int columns = x.columns();
    float scale = Vectors.get(HostBuffer.of(rstd), Vectors.at(rstd, row), 0);
    FloatVector sums = FloatVector.zero(Vectors.FLOATS);
    int i = 0;
    for (; i < Vectors.FLOATS.loopBound(columns); i += LANES) {
      FloatVector weighted = Vectors.load(gs, gAt, i).mul(Vectors.load(ws, wAt, i));
      sums = weighted.fma(Vectors.load(xs, xAt, i), sums);
    }
    float sum = Vectors.sum(sums);
    for (; i < columns; i++) {
      sum += Vectors.get(gs, gAt, i) * Vectors.get(ws, wAt, i) * Vectors.get(xs, xAt, i);
    }
    float correction = -sum / columns * scale * scale * scale;
    FloatVector scales = FloatVector.broadcast(Vectors.FLOATS, scale);
    FloatVector corrections = FloatVector.broadcast(Vectors.FLOATS, correction);
    i = 0;
    for (; i < Vectors.FLOATS.loopBound(columns); i += LANES) {
      FloatVector weighted = Vectors.load(gs, gAt, i).mul(Vectors.load(ws, wAt, i));
      FloatVector gradient = weighted.fma(scales, Vectors.load(xs, xAt, i).mul(corrections));
      Vectors.store(Vectors.load(ds, dAt, i).add(gradient), ds, dAt, i);
    }
    for (; i < columns; i++) {
      float weighted = Vectors.get(gs, gAt, i) * Vectors.get(ws, wAt, i);
      float gradient = Math.fma(weighted, scale, Vectors.get(xs, xAt, i) * correction);
      Vectors.set(ds, dAt, i, Vectors.get(ds, dAt, i) + gradient);
    }
  }
}
