package dev.tallrec.backend.cpu;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/** Products of matrices of which one has few rows, as many as the rank of a LoRA pair. */
final class LowRankKernels {

  private static final int LANES = Vectors.LANES;

  private LowRankKernels() {}

  /** out[row][j] = scale * (x . a[j]) for all rows j of a, four of them in one pass over x. */
  static void dots(MemorySegment x, long xAt, Grid a, float scale, Grid out, int row) {
    MemorySegment as = a.segment();
    MemorySegment target = out.segment();
    long at = out.at(row);
    int columns = a.columns();
    int j = 0;
    for (; j <= a.rows() - 4; j += 4) {
      long at0 = a.at(j);
      long at1 = a.at(j + 1);
      long at2 = a.at(j + 2);
      long at3 = a.at(j + 3);
      FloatVector sum0 = FloatVector.zero(Vectors.FLOATS);
      FloatVector sum1 = sum0;
      FloatVector sum2 = sum0;
      FloatVector sum3 = sum0;
      int i = 0;
      for (; i < Vectors.FLOATS.loopBound(columns); i += LANES) {
        FloatVector value = Vectors.load(x, xAt, i);
        sum0 = value.fma(Vectors.load(as, at0, i), sum0);
        sum1 = value.fma(Vectors.load(as, at1, i), sum1);
        sum2 = value.fma(Vectors.load(as, at2, i), sum2);
        sum3 = value.fma(Vectors.load(as, at3, i), sum3);
      }
      float total0 = Vectors.sum(sum0);
      float total1 = Vectors.sum(sum1);
      float total2 = Vectors.sum(sum2);
      float total3 = Vectors.sum(sum3);
      for (; i < columns; i++) {
        float value = Vectors.get(x, xAt, i);
        total0 += value * Vectors.get(as, at0, i);
        total1 += value * Vectors.get(as, at1, i);
        total2 += value * Vectors.get(as, at2, i);
        total3 += value * Vectors.get(as, at3, i);
      }
      Vectors.set(target, at, j, scale * total0);
      Vectors.set(target, at, j + 1, scale * total1);
      Vectors.set(target, at, j + 2, scale * total2);
      Vectors.set(target, at, j + 3, scale * total3);
    }
    for (; j < a.rows(); j++) {
      Vectors.set(target, at, j, scale * Vectors.dot(x, xAt, as, a.at(j), columns));
    }
  }

  /** target += scale * sum over j of u[row][j] * rows[j]; four rows in one pass over the target. */
  static void expand(
      Grid u, int row, Grid rows, float scale, MemorySegment target, long at, int columns) {
    MemorySegment us = u.segment();
    MemorySegment rs = rows.segment();
    long uAt = u.at(row);
    int j = 0;
    for (; j <= rows.rows() - 4; j += 4) {
      long at0 = rows.at(j);
      long at1 = rows.at(j + 1);
      long at2 = rows.at(j + 2);
      long at3 = rows.at(j + 3);
      float u0 = scale * Vectors.get(us, uAt, j);
      float u1 = scale * Vectors.get(us, uAt, j + 1);
      float u2 = scale * Vectors.get(us, uAt, j + 2);
      float u3 = scale * Vectors.get(us, uAt, j + 3);
      int i = 0;
      for (; i < Vectors.FLOATS.loopBound(columns); i += LANES) {
        FloatVector value = Vectors.load(target, at, i);
        value = Vectors.load(rs, at0, i).fma(FloatVector.broadcast(Vectors.FLOATS, u0), value);
        value = Vectors.load(rs, at1, i).fma(FloatVector.broadcast(Vectors.FLOATS, u1), value);
        value = Vectors.load(rs, at2, i).fma(FloatVector.broadcast(Vectors.FLOATS, u2), value);
        value = Vectors.load(rs, at3, i).fma(FloatVector.broadcast(Vectors.FLOATS, u3), value);
        Vectors.store(value, target, at, i);
      }
      for (; i < columns; i++) {
        float value = Vectors.get(target, at, i);
        value = Math.fma(Vectors.get(rs, at0, i), u0, value);
        value = Math.fma(Vectors.get(rs, at1, i), u1, value);
        value = Math.fma(Vectors.get(rs, at2, i), u2, value);
        value = Math.fma(Vectors.get(rs, at3, i), u3, value);
        Vectors.set(target, at, i, value);
      }
    }
    for (; j < rows.rows(); j++) {
      float factor = scale * Vectors.get(us, uAt, j);
      Vectors.addScaled(factor, rs, rows.at(j), target, at, columns);
    }
  }

  /**
   * product[j][from + i] += sum over t of u[start + t][j] * x[t][i], for i below {@code columns}
   * and t below {@code rows}, in order of t.
   *
   * @param xAt where row 0 of x begins, in bytes
   * @param xStride from one row of x to the next, in bytes
   */
  static void outer(
      Grid u,
      int start,
      int rows,
      MemorySegment x,
      long xAt,
      long xStride,
      Grid product,
      int from,
      int columns) {
    MemorySegment us = u.segment();
    MemorySegment target = product.segment();
    long offset = (long) from * Float.BYTES;
    int inVectors = columns - columns % (2 * LANES);
    int inFours = u.columns() - u.columns() % 4;
    for (int j = 0; j < inFours; j += 4) {
      long at0 = product.at(j) + offset;
      long at1 = product.at(j + 1) + offset;
      long at2 = product.at(j + 2) + offset;
      long at3 = product.at(j + 3) + offset;
      for (int i = 0; i < inVectors; i += 2 * LANES) {
        FloatVector sum0 = Vectors.load(target, at0, i);
        FloatVector sum1 = Vectors.load(target, at1, i);
        FloatVector sum2 = Vectors.load(target, at2, i);
        FloatVector sum3 = Vectors.load(target, at3, i);
        FloatVector next0 = Vectors.load(target, at0, i + LANES);
        FloatVector next1 = Vectors.load(target, at1, i + LANES);
        FloatVector next2 = Vectors.load(target, at2, i + LANES);
        FloatVector next3 = Vectors.load(target, at3, i + LANES);
        for (int t = 0; t < rows; t++) {
          FloatVector value = Vectors.load(x, xAt + t * xStride, i);
          FloatVector next = Vectors.load(x, xAt + t * xStride, i + LANES);
          long uAt = u.at(start + t);
          FloatVector factor = FloatVector.broadcast(Vectors.FLOATS, Vectors.get(us, uAt, j));
          sum0 = value.fma(factor, sum0);
          next0 = next.fma(factor, next0);
          factor = FloatVector.broadcast(Vectors.FLOATS, Vectors.get(us, uAt, j + 1));
          sum1 = value.fma(factor, sum1);
          next1 = next.fma(factor, next1);
          factor = FloatVector.broadcast(Vectors.FLOATS, Vectors.get(us, uAt, j + 2));
          sum2 = value.fma(factor, sum2);
          next2 = next.fma(factor, next2);
          factor = FloatVector.broadcast(Vectors.FLOATS, Vectors.get(us, uAt, j + 3));
          sum3 = value.fma(factor, sum3);
          next3 = next.fma(factor, next3);
        }
        Vectors.store(sum0, target, at0, i);
        Vectors.store(sum1, target, at1, i);
        Vectors.store(sum2, target, at2, i);
        Vectors.store(sum3, target, at3, i);
        Vectors.store(next0, target, at0, i + LANES);
        Vectors.store(next1, target, at1, i + LANES);
        Vectors.store(next2, target, at2, i + LANES);
        Vectors.store(next3, target, at3, i + LANES);
      }
    }
    if (inVectors < columns) {
      long rest = (long) inVectors * Float.BYTES;
      addRows(
          u,
          start,
          rows,
          0,
          inFours,
          x,
          xAt + rest,
          xStride,
          product,
          offset + rest,
          columns - inVectors);
    }
    if (inFours < u.columns()) {
      addRows(u, start, rows, inFours, u.columns(), x, xAt, xStride, product, offset, columns);
    }
  }

  /** The same for j from {@code firstJ} to {@code endJ}, at an offset in bytes into the product. */
  private static void addRows(
      Grid u,
      int start,
      int rows,
      int firstJ,
      int endJ,
      MemorySegment x,
      long xAt,
      long xStride,
      Grid product,
      long offset,
      int columns) {
    for (int j = firstJ; j < endJ; j++) {
      for (int t = 0; t < rows; t++) {
        float factor = Vectors.get(u.segment(), u.at(start + t), j);
        Vectors.addScaled(
            factor, x, xAt + t * xStride, product.segment(), product.at(j) + offset, columns);
      }
    }
  }
}
