package dev.tallrec.baselines;

import ai.djl.ndarray.NDArray;

/** Makes one vector of a history. */
sealed interface Encoder permits GruEncoder, CaserEncoder, SasRecEncoder {

  /**
   * The vectors of a batch of histories.
   *
   * @param history [batch, LENGTH, channels]
   * @param training whether dropout acts
   * @return [batch, {@link #width}]
   */
  NDArray encode(NDArray history, boolean training);

  /** Channels of a history's vector. */
  int width();

  /** {@code x} with dropout. */
  static NDArray dropout(NDArray x, double rate, boolean training) {
    return training && rate > 0
        ? x.getNDArrayInternal().dropout(x, (float) rate, true).singletonOrThrow()
        : x;
  }
}
