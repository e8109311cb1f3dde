package dev.tallrec.llama;

/** How rotary frequencies are changed for contexts longer than those of pre-training. */
public sealed interface RopeScaling {

  /** Frequencies as they are. */
  record None() implements RopeScaling {}

  /**
   * Position interpolation (Chen et al., arXiv 2306.15595): all frequencies divided by {@code
   * factor}.
   *
   * @param factor at least 1
   */
  record Linear(float factor) implements RopeScaling {}

  /**
   * Llama 3.1's scaling: low frequencies divided by {@code factor}, high ones kept, a smooth
   * passage between.
   *
   * @param factor divisor of the low frequencies
   * @param lowFreqFactor wavelengths beyond originalMaxPositions / lowFreqFactor are divided
   * @param highFreqFactor wavelengths below originalMaxPositions / highFreqFactor are kept
   * @param originalMaxPositions context length of pre-training
   */
  record Llama3(float factor, float lowFreqFactor, float highFreqFactor, int originalMaxPositions)
      implements RopeScaling {}

  /**
   * YaRN (Peng et al., arXiv 2309.00071): pairs that turn seldom within the context of pre-training
   * are interpolated, those that turn often kept, a linear ramp between; attention is sharpened by
   * scaling cosines and sines.
   *
   * @param factor divisor of the interpolated frequencies
   * @param attentionFactor factor on cosines and sines
   * @param betaFast turns within originalMaxPositions from which on a pair is kept
   * @param betaSlow turns up to which a pair is interpolated
   * @param originalMaxPositions context length of pre-training
   * @param truncate whether the ramp's ends are rounded to whole pairs
   */
  record Yarn(
      float factor,
      float attentionFactor,
      double betaFast,
      double betaSlow,
      int originalMaxPositions,
      boolean truncate)
      implements RopeScaling {}
}
