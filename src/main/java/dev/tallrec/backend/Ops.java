package dev.tallrec.backend;

import org.jspecify.annotations.Nullable;

/**
 * The operations a LLaMA and its LoRA-only backward pass need.
 *
 * <p>Conventions: T rows of tokens; activations are in {@link Device#computeType} unless said
 * otherwise, statistics, losses and gradients of A and B are F32; reductions accumulate in fp32. "y
 * (+)= e" is y = e, or y += e where {@code accumulate}. Unless said otherwise outputs must not
 * overlap inputs. The same inputs on the same device give the same bits, whatever the number of
 * threads.
 *
 * <p>Rows of every operand may lie any distance apart, whatever that of the others is; only the two
 * tables of {@link #rope} share theirs. What is [1, N] is one row, so without gaps. Implementations
 * check shapes and types by {@link Operands}, which throws {@link IllegalArgumentException} for
 * those that do not match.
 */
public interface Ops {

  /** out[i] = table[ids[i]]. out [T, inFeatures]; ids below outFeatures. */
  void embedding(Indices ids, FrozenLinear table, Matrix out);

  /**
   * RMSNorm (Zhang and Sennrich, arXiv 1910.07467): rstd = 1 / sqrt(mean(x^2) + epsilon), out = x *
   * rstd * weight.
   *
   * @param x [T, H]
   * @param weight [1, H]
   * @param out [T, H]; may be x
   * @param rstd F32 [T, 1], written
   */
  void rmsNorm(Matrix x, Matrix weight, float epsilon, Matrix out, Matrix rstd);

  /**
   * sum = x + delta, out = rmsNorm(sum), of the sum as it is stored: the same bits as {@link
   * #rmsNorm} of it. All [T, H]; sum may be x or delta.
   */
  void addRmsNorm(
      Matrix x, Matrix delta, Matrix weight, float epsilon, Matrix sum, Matrix out, Matrix rstd);

  /**
   * dx += gradient of {@link #rmsNorm}: rstd * (weight * dout - x * rstd^2 * mean(weight * dout *
   * x)).
   *
   * @param dout [T, H]
   * @param x [T, H], the forward input
   * @param rstd F32 [T, 1] of the forward pass
   * @param dx [T, H], added to
   */
  void rmsNormBackward(Matrix dout, Matrix x, Matrix weight, Matrix rstd, Matrix dx);

  /**
   * Rotary position embedding (Su et al., arXiv 2104.09864) in place, LLaMA's half-split pairing:
   * within a head, (x[i], x[i + headDim / 2]) is rotated by the angle of (positions[row], i).
   *
   * @param x [T, heads * headDim]
   * @param positions T positions, each below the table's rows
   * @param inverse rotate back: the backward pass
   */
  void rope(Matrix x, Indices positions, RopeTable table, boolean inverse);

  /** out = silu(gate) * up (Shazeer, arXiv 2002.05202). All [T, F]; out may be gate or up. */
  void swiglu(Matrix gate, Matrix up, Matrix out);

  /**
   * Gradient of {@link #swiglu}. dgate may be gate, dup may be up; dout must not overlap either.
   */
  void swigluBackward(Matrix dout, Matrix gate, Matrix up, Matrix dgate, Matrix dup);

  /** y (+)= x W^T. x [T, in], y [T, out]. */
  void linear(Matrix x, FrozenLinear weight, Matrix y, boolean accumulate);

  /** dx (+)= dy W, the input gradient of {@link #linear}. dy [T, out], dx [T, in]. */
  void linearBackward(Matrix dy, FrozenLinear weight, Matrix dx, boolean accumulate);

  /**
   * u = dropout(x) A^T; y += scale * u B^T (Hu et al., arXiv 2106.09685).
   *
   * @param x [T, in]
   * @param a [r, in]
   * @param b [out, r]
   * @param u [T, r], written, needed by the backward pass
   * @param y [T, out], added to
   */
  void lora(Matrix x, Matrix a, Matrix b, float scale, Dropout dropout, Matrix u, Matrix y);

  /**
   * Gradients of {@link #lora}: du = scale * dy B; dA += du^T dropout(x); dB += scale * dy^T u; dx
   * += dropout-mask(du A).
   *
   * @param dy [T, out]
   * @param x [T, in], the forward input
   * @param u [T, r] of the forward pass
   * @param du [T, r] scratch
   * @param da F32 [r, in], added to
   * @param db F32 [out, r], added to
   * @param dx [T, in], added to; null where nothing below needs it
   */
  void loraBackward(
      Matrix dy,
      Matrix x,
      Matrix u,
      Matrix a,
      Matrix b,
      float scale,
      Dropout dropout,
      Matrix du,
      Matrix da,
      Matrix db,
      @Nullable Matrix dx);

  /**
   * Grouped-query softmax attention over the keys that {@code layout} lets each query see; the
   * score matrix is never stored whole (Dao et al., arXiv 2205.14135).
   *
   * @param q [queryRows, heads * headDim]
   * @param k [keyRows, kvHeads * headDim]
   * @param v [keyRows, kvHeads * headDim]
   * @param headDim width of a head; kernels of CUDA are made for at most 128
   * @param scale on q . k, usually 1 / sqrt(headDim)
   * @param out [queryRows, heads * headDim]
   * @param lse F32 [heads, queryRows], written: log of the sum of exponentials, for the backward
   *     pass
   */
  void attention(
      Matrix q,
      Matrix k,
      Matrix v,
      AttentionLayout layout,
      int headDim,
      float scale,
      Matrix out,
      Matrix lse);

  /**
   * Gradient of {@link #attention}. dq, dk and dv are overwritten; rows of k that no query sees get
   * zero.
   *
   * @param delta F32 [heads, queryRows] scratch: row sums of dout * out
   */
  void attentionBackward(
      Matrix q,
      Matrix k,
      Matrix v,
      Matrix out,
      Matrix dout,
      Matrix lse,
      AttentionLayout layout,
      int headDim,
      float scale,
      Matrix delta,
      Matrix dq,
      Matrix dk,
      Matrix dv);

  /**
   * {@link #attentionBackward} where q and k had been rotated by {@link #rope}: dq and dk are the
   * gradients of what they were before. A device may leave out rounding in between.
   *
   * @param queryPositions of q's rows
   * @param keyPositions of k's rows
   */
  default void ropeAttentionBackward(
      Matrix q,
      Matrix k,
      Matrix v,
      Matrix out,
      Matrix dout,
      Matrix lse,
      AttentionLayout layout,
      int headDim,
      float scale,
      Matrix delta,
      Indices queryPositions,
      Indices keyPositions,
      RopeTable table,
      Matrix dq,
      Matrix dk,
      Matrix dv) {
    attentionBackward(q, k, v, out, dout, lse, layout, headDim, scale, delta, dq, dk, dv);
    rope(dq, queryPositions, table, true);
    rope(dk, keyPositions, table, true);
  }

  /** out[i] = source[rows[i]]. source [any, H], out [rows.count(), H]. */
  void gatherRows(Matrix source, Indices rows, Matrix out);

  /** target[rows[i]] += source[i]; rows are distinct. source [rows.count(), H], target [any, H]. */
  void scatterAddRows(Matrix source, Indices rows, Matrix target);

  /**
   * losses[i] = weights[i] * (logsumexp(logits[i]) - logits[i][targets[i]]); dlogits[i] =
   * gradientScale * weights[i] * (softmax(logits[i]) - onehot(targets[i])).
   *
   * @param logits [L, V]
   * @param targets L ids below V
   * @param weights F32 [L, 1]
   * @param losses F32 [L, 1], written
   * @param dlogits [L, V], may be logits; null in evaluation
   */
  void crossEntropy(
      Matrix logits,
      Indices targets,
      Matrix weights,
      float gradientScale,
      Matrix losses,
      @Nullable Matrix dlogits);

  /**
   * probabilities[i][j] = softmax(logits[i])[tokens[j]].
   *
   * @param logits [L, V]
   * @param probabilities F32 [L, tokens.count()], written
   */
  void tokenProbabilities(Matrix logits, Indices tokens, Matrix probabilities);

  /**
   * Sum of squares in double precision; infinite or NaN where an element is. Waits for the result.
   *
   * @param x F32 [1, N]
   */
  double sumOfSquares(Matrix x);

  /**
   * One AdamW step over flat F32 vectors [1, N].
   *
   * @param weights masters, updated
   * @param gradients before {@link AdamWStep#gradientScale}
   * @param firstMoment m, updated
   * @param secondMoment v, updated
   * @param workingCopy the new weights in compute type; may be {@code weights} itself where that is
   *     F32
   */
  void adamW(
      Matrix weights,
      Matrix gradients,
      Matrix firstMoment,
      Matrix secondMoment,
      Matrix workingCopy,
      AdamWStep step);

  /** Every element = value. x of any dtype. */
  void fill(Matrix x, float value);

  /** target = source, converted to the target's dtype. Same shape, any dtypes. */
  void copy(Matrix source, Matrix target);

  /** y += x. Same shape. */
  void add(Matrix x, Matrix y);
}
