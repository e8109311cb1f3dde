package dev.tallrec.backend;

import dev.tallrec.tensor.DType;
import dev.tallrec.tensor.Tensor;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What operations demand of what they are given, for all implementations of {@link Ops}: what does
 * not match would be read or written out of place. There is a check for each operation but {@link
 * Ops#fill}, which takes any matrix, and for the copies and weights of a {@link Device}; all throw
 * {@link IllegalArgumentException} naming the operand.
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
  private void any(Matrix matrix, String name) {
    check(matrix, type, matrix.rows(), matrix.columns(), name);
  }

  /** An operand in compute type. */
  private void shape(Matrix matrix, int rows, int columns, String name) {
    check(matrix, type, rows, columns, name);
  }

  /** An operand in compute type, shaped as another. */
  private void same(Matrix expected, Matrix matrix, String name) {
    check(matrix, type, expected.rows(), expected.columns(), name);
  }

  /** An operand in F32. */
  private static void floats(Matrix matrix, int rows, int columns, String name) {
    check(matrix, DType.F32, rows, columns, name);
  }

  /** So many indices. */
  private static void count(Indices indices, int count, String name) {
    if (indices.count() != count) {
      throw new IllegalArgumentException(indices.count() + " " + name + " for " + count + " rows");
    }
  }

  /** Sizes in bytes of what {@link Device#upload} and {@link Device#download} copy. */
  public static void sameSize(long source, long target) {
    if (source != target) {
      throw new IllegalArgumentException(
          "copying %d bytes to a place of %d".formatted(source, target));
    }
  }

  /** Tensors of {@link Device#loadLinear}. */
  public static void layer(List<Tensor> parts) {
    Tensor head = parts.getFirst();
    for (Tensor part : parts) {
      if (part.shape().rank() != 2
          || part.shape().dimension(1) != head.shape().dimension(1)
          || part.dtype() != head.dtype()
          || !part.dtype().isWeight()) {
        throw new IllegalArgumentException(
            "%s %s %s cannot be one layer with %s %s %s"
                .formatted(
                    part.name(),
                    part.dtype(),
                    part.shape(),
                    head.name(),
                    head.dtype(),
                    head.shape()));
      }
    }
  }

  /** Operands of {@link Ops#embedding}. */
  public void embedding(Indices ids, FrozenLinear table, Matrix out) {
    shape(out, ids.count(), table.inFeatures(), "out");
  }

  /** Operands of {@link Ops#rmsNorm}. */
  public void rmsNorm(Matrix x, Matrix weight, Matrix out, Matrix rstd) {
    norm(x, weight, rstd);
    same(x, out, "out");
  }

  private void norm(Matrix x, Matrix weight, Matrix rstd) {
    any(x, "x");
    shape(weight, 1, x.columns(), "weight");
    floats(rstd, x.rows(), 1, "rstd");
  }

  /** Operands of {@link Ops#addRmsNorm}. */
  public void addRmsNorm(
      Matrix x, Matrix delta, Matrix weight, Matrix sum, Matrix out, Matrix rstd) {
    rmsNorm(x, weight, out, rstd);
    same(x, delta, "delta");
    same(x, sum, "sum");
  }

  /** Operands of {@link Ops#rmsNormBackward}. */
  public void rmsNormBackward(Matrix dout, Matrix x, Matrix weight, Matrix rstd, Matrix dx) {
    norm(x, weight, rstd);
    same(x, dout, "dout");
    same(x, dx, "dx");
  }

  /** Operands of {@link Ops#rope}. */
  public void rope(Matrix x, Indices positions, RopeTable table) {
    any(x, "x");
    count(positions, x.rows(), "positions");
    Matrix cos = table.cos();
    Matrix sin = table.sin();
    floats(cos, cos.rows(), cos.columns(), "cos");
    floats(sin, cos.rows(), cos.columns(), "sin");
    if (sin.stride() != cos.stride()) {
      throw new IllegalArgumentException(
          "rows of sin are %d elements apart, those of cos %d"
              .formatted(sin.stride(), cos.stride()));
    }
    if (table.headDim() == 0 || x.columns() % table.headDim() != 0) {
      throw new IllegalArgumentException(
          x.columns() + " columns are no whole heads of " + table.headDim());
    }
  }

  /** Operands of {@link Ops#swiglu}. */
  public void swiglu(Matrix gate, Matrix up, Matrix out) {
    any(gate, "gate");
    same(gate, up, "up");
    same(gate, out, "out");
  }

  /** Operands of {@link Ops#swigluBackward}. */
  public void swigluBackward(Matrix dout, Matrix gate, Matrix up, Matrix dgate, Matrix dup) {
    any(gate, "gate");
    same(gate, up, "up");
    same(gate, dout, "dout");
    same(gate, dgate, "dgate");
    same(gate, dup, "dup");
  }

  /** Operands of {@link Ops#linear}. */
  public void linear(Matrix x, FrozenLinear weight, Matrix y) {
    shape(x, x.rows(), weight.inFeatures(), "x");
    shape(y, x.rows(), weight.outFeatures(), "y");
  }

  /** Operands of {@link Ops#linearBackward}. */
  public void linearBackward(Matrix dy, FrozenLinear weight, Matrix dx) {
    shape(dy, dy.rows(), weight.outFeatures(), "dy");
    shape(dx, dy.rows(), weight.inFeatures(), "dx");
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
    boolean wholeHeads = headDim > 0 && q.columns() % headDim == 0 && k.columns() % headDim == 0;
    if (!wholeHeads || k.columns() == 0 || q.columns() % k.columns() != 0) {
      throw new IllegalArgumentException(
          "q of %d and k of %d columns do not share heads of %d"
              .formatted(q.columns(), k.columns(), headDim));
    }
    floats(lse, q.columns() / headDim, q.rows(), "lse");
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

  /** Operands of {@link Ops#gatherRows}. */
  public void gatherRows(Matrix source, Indices rows, Matrix out) {
    shape(source, source.rows(), out.columns(), "source");
    shape(out, rows.count(), out.columns(), "out");
  }

  /** Operands of {@link Ops#scatterAddRows}. */
  public void scatterAddRows(Matrix source, Indices rows, Matrix target) {
    shape(target, target.rows(), source.columns(), "target");
    shape(source, rows.count(), source.columns(), "source");
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

  /** Operands of {@link Ops#tokenProbabilities}. */
  public void tokenProbabilities(Matrix logits, Indices tokens, Matrix probabilities) {
    any(logits, "logits");
    floats(probabilities, logits.rows(), tokens.count(), "probabilities");
  }

  /** The operand of {@link Ops#sumOfSquares}. */
  public void sumOfSquares(Matrix x) {
    floats(x, 1, x.columns(), "x");
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

  /** Operands of {@link Ops#copy}, of any types. */
  public void copy(Matrix source, Matrix target) {
    if (source.rows() != target.rows() || source.columns() != target.columns()) {
      throw new IllegalArgumentException(
          "copying %d x %d to %d x %d"
              .formatted(source.rows(), source.columns(), target.rows(), target.columns()));
    }
  }

  /** Operands of {@link Ops#add}. */
  public void add(Matrix x, Matrix y) {
    any(x, "x");
    same(x, y, "y");
  }
}
