package dev.tallrec.llama;

import dev.tallrec.backend.Matrix;

/**
 * The LoRA pair of one linear layer, resident on a device: y += scale * dropout(x) A^T B^T.
 *
 * @param a [r, in], compute type
 * @param b [out, r], compute type
 * @param aGradient F32 [r, in]
 * @param bGradient F32 [out, r]
 * @param scale alpha / r, or alpha / sqrt(r) with rsLoRA
 * @param dropoutStream number of this pair within the model, for {@link
 *     dev.tallrec.backend.Dropout}
 */
public record LowRank(
    Matrix a, Matrix b, Matrix aGradient, Matrix bGradient, float scale, int dropoutStream) {

  public int rank() {
    return a.rows();
  }
}
