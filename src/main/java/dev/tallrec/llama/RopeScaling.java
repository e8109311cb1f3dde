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
}
