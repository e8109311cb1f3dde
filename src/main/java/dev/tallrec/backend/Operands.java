package dev.tallrec.backend;

import dev.tallrec.tensor.DType;
import org.jspecify.annotations.Nullable;

/**
 * Checks of what operations are given, for implementations of {@link Ops}: what does not match
 * would be read or written out of place. All throw {@link IllegalArgumentException} naming the
 * operand.
 *
 * @param type the device's compute type
 */
public record Operands(DType type) {

  private static void check(Matrix matrix, DType type, int rows, int columns, String name) {
    if (matrix.dtype() != type || matrix.rows() != rows || matrix.columns() != columns) {
      throw new IllegalArgumentException(
          "%s is %s, %d x %d, not %s, %d x %d"
              .formatted(
                  name, matrix.dtype(), matrix.rows(), matrix.columns(), type, rows, columns));
    }
  }

  /** An operand of any size in compute type. */
  public void any(Matrix matrix, String name) {
    check(matrix, type, matrix.rows(), matrix.columns(), name);
  }

  /** An operand in compute type. */
  public void shape(Matrix matrix, int rows, int columns, String name) {
    check(matrix, type, rows, columns, name);
  }

  /** An operand in compute type, shaped as another. */
  public void same(Matrix expected, Matrix matrix, String name) {
    check(matrix, type, expected.rows(), expected.columns(), name);
  }

  /** An operand in F32. */
  public void floats(Matrix matrix, int rows, int columns, String name) {
    check(matrix, DType.F32, rows, columns, name);
  }

  /** So many indices. */
  public void count(Indices indices, int count, String name) {
    if (indices.count() != count) {
      throw new IllegalArgumentException(indices.count() + " " + name + " for " + count + " rows");
    }
  }

  /** Input, weight and row statistics of {@link Ops#rmsNorm}. */
  public void norm(Matrix x, Matrix weight, Matrix rstd) {
    any(x, "x");
    shape(weight, 1, x.columns(), "weight");
    floats(rstd, x.rows(), 1, "rstd");
  }

  /** Operands of {@link Ops#rope}. */
  public void rope(Matrix x, Indices positions, RopeTable table) {
    any(x, "x");
    count(positions, x.rows(), "positions");
    if (x.columns() % table.headDim() != 0) {
      throw new IllegalArgumentException(
          x.columns() + " columns are no whole heads of " + table.headDim());
    }
  }

  /** Operands of {@link Ops#lora}. */
  public void lora(Matrix x, Matrix a, Matrix b, Matrix u, Matrix y) {
    shape(x, x.rows(), a.columns(), "x");
    any(a, "a");
    shape(b, b.rows(), a.rows(), "b");
    shape(u, x.rows(), a.rows(), "u");
    shape(y, x.rows(), b.rows(), "y");
  }

  /** Operands of {@link Ops#loraBackward}. */
  public void loraBackward(
      Matrix dy,
      Matrix x,
      Matrix u,
      Matrix a,
      Matrix b,
      Matrix du,
      Matrix da,
      Matrix db,
      @Nullable Matrix dx) {
    lora(x, a, b, u, dy);
    same(u, du, "du");
    floats(da, a.rows(), a.columns(), "da");
    floats(db, b.rows(), b.columns(), "db");
    if (dx != null) {
      same(x, dx, "dx");
    }
  }

  /** Operands of {@link Ops#attention}. */
  public void attention(
      Matrix q, Matrix k, Matrix v, AttentionLayout layout, int headDim, Matrix out, Matrix lse) {
    any(q, "q");
    any(k, "k");
    same(q, out, "out");
    same(k, v, "v");
    int heads = q.columns() / headDim;
    int kvHeads = k.columns() / headDim;
    if (heads * headDim != q.columns()
        || kvHeads * headDim != k.columns()
        || kvHeads == 0
        || heads % kvHeads != 0) {
      throw new IllegalArgumentException(
          "q of %d and k of %d columns do not share heads of %d"
              .formatted(q.columns(), k.columns(), headDim));
    }
    floats(lse, heads, q.rows(), "lse");
    if (layout.queryRows() > q.rows() || layout.keyRows() > k.rows()) {
      throw new IllegalArgumentException(
          "a layout of %d queries and %d keys, with %d and %d rows"
              .formatted(layout.queryRows(), layout.keyRows(), q.rows(), k.rows()));
    }
  }

  /** Operands of {@link Ops#attentionBackward}. */
  public void attentionBackward(
      Matrix q,
      Matrix k,
      Matrix v,
      Matrix out,
      Matrix dout,
      Matrix lse,
      AttentionLayout layout,
      int headDim,
      Matrix delta,
      Matrix dq,
      Matrix dk,
      Matrix dv) {
    attention(q, k, v, layout, headDim, out, lse);
    same(q, dout, "dout");
    same(q, dq, "dq");
    same(k, dk, "dk");
    same(k, dv, "dv");
    floats(delta, lse.rows(), lse.columns(), "delta");
  }

  /** Operands of {@link Ops#copy}, of any types. */
  public void copy(Matrix source, Matrix target) {
    if (source.rows() != target.rows() || source.columns() != target.columns()) {
      throw new IllegalArgumentException(
          "copying %d x %d to %d x %d"
              .formatted(source.rows(), source.columns(), target.rows(), target.columns()));
    }
  }

  /** Operands of {@link Ops#crossEntropy}. */
  public void crossEntropy(
      Matrix logits, Indices targets, Matrix weights, Matrix losses, @Nullable Matrix dlogits) {
    any(logits, "logits");
    count(targets, logits.rows(), "targets");
    floats(weights, logits.rows(), 1, "weights");
    floats(losses, logits.rows(), 1, "losses");
    if (dlogits != null) {
      same(logits, dlogits, "dlogits");
    }
  }

  /** Operands of {@link Ops#adamW}. */
  public void adamW(
      Matrix weights,
      Matrix gradients,
      Matrix firstMoment,
      Matrix secondMoment,
      Matrix workingCopy) {
    int size = weights.columns();
    floats(weights, 1, size, "weights");
    floats(gradients, 1, size, "gradients");
    floats(firstMoment, 1, size, "firstMoment");
    floats(secondMoment, 1, size, "secondMoment");
    shape(workingCopy, 1, size, "workingCopy");
  }
}
