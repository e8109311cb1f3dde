package dev.tallrec.backend.cpu;

import dev.tallrec.backend.Indices;
import dev.tallrec.backend.Matrix;
import dev.tallrec.tensor.DType;

/** Checks of operands: what does not match would be read or written out of place. */
final class Shapes {

  private Shapes() {}

  static void isF32(Matrix matrix, String name) {
    if (matrix.dtype() != DType.F32) {
      throw new IllegalArgumentException(
          name + " is " + matrix.dtype() + ", the CPU computes in F32");
    }
  }

  static void check(Matrix matrix, int rows, int columns, String name) {
    isF32(matrix, name);
    if (matrix.rows() != rows || matrix.columns() != columns) {
      throw new IllegalArgumentException(
          "%s is %d x %d, not %d x %d"
              .formatted(name, matrix.rows(), matrix.columns(), rows, columns));
    }
  }

  static void same(Matrix expected, Matrix matrix, String name) {
    check(matrix, expected.rows(), expected.columns(), name);
  }

  static void count(Indices indices, int count, String name) {
    if (indices.count() != count) {
      throw new IllegalArgumentException(
          "%d %s for %d rows".formatted(indices.count(), name, count));
    }
  }
}
