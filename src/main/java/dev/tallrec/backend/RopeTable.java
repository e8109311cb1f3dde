package dev.tallrec.backend;

/**
 * cos and sin of every (position, frequency), fp32, [maxPositions, headDim / 2] each, with the same
 * stride.
 *
 * @param cos cosines
 * @param sin sines
 */
public record RopeTable(Matrix cos, Matrix sin) {

  public int headDim() {
    return 2 * cos.columns();
  }
}
