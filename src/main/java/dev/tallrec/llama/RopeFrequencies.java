package dev.tallrec.llama;

import dev.tallrec.backend.Device;
import dev.tallrec.backend.DeviceArena;
import dev.tallrec.backend.Matrix;
import dev.tallrec.backend.RopeTable;
import dev.tallrec.tensor.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Rotary frequencies and the table of their cosines and sines. Computed in fp32, step by step as
 * PyTorch does, since an angle of a few hundred radians shows every bit of its frequency.
 */
final class RopeFrequencies {

  private RopeFrequencies() {}

  /** Radians per position of each of the headDim / 2 pairs. */
  static float[] of(LlamaConfig config) {
    float[] frequencies = new float[config.headDim() / 2];
    for (int i = 0; i < frequencies.length; i++) {
      float exponent = 2f * i / config.headDim();
      float turn = (float) Math.pow(config.ropeTheta(), exponent);
      frequencies[i] =
          switch (config.ropeScaling()) {
            case RopeScaling.None() -> 1f / turn;
            case RopeScaling.Linear(float factor) -> 1f / turn / factor;
            case RopeScaling.Llama3 llama3 -> llama3(1f / turn, llama3);
            case RopeScaling.Yarn yarn -> yarn(turn, yarnRamp(i, yarn, config), yarn);
          };
    }
    return frequencies;
  }

  private static float llama3(float frequency, RopeScaling.Llama3 s) {
    float wavelength = (float) (2 * Math.PI) / frequency;
    if (wavelength > s.originalMaxPositions() / s.lowFreqFactor()) {
      return frequency / s.factor();
    }
    if (wavelength < s.originalMaxPositions() / s.highFreqFactor()) {
      return frequency;
    }
    float smooth =
        (s.originalMaxPositions() / wavelength - s.lowFreqFactor())
            / (s.highFreqFactor() - s.lowFreqFactor());
    return (1 - smooth) * frequency / s.factor() + smooth * frequency;
  }

  private static float yarn(float turn, float interpolated, RopeScaling.Yarn s) {
    float kept = 1 - interpolated;
    return 1f / (s.factor() * turn) * (1 - kept) + 1f / turn * kept;
  }

  /** How far pair {@code i} is interpolated: 0 is not at all, 1 is wholly. */
  private static float yarnRamp(int i, RopeScaling.Yarn s, LlamaConfig config) {
    double low = pairThatTurns(s.betaFast(), s, config);
    double high = pairThatTurns(s.betaSlow(), s, config);
    if (s.truncate()) {
      low = Math.floor(low);
      high = Math.ceil(high);
    }
    low = Math.max(low, 0);
    high = Math.min(high, config.headDim() - 1);
    double length = high == low ? 0.001 : high - low;
    return Math.clamp((i - (float) low) / (float) length, 0f, 1f);
  }

  /** The pair, between whole ones, that turns so many times within the original context. */
  private static double pairThatTurns(double times, RopeScaling.Yarn s, LlamaConfig config) {
    return config.headDim()
        * Math.log(s.originalMaxPositions() / (times * 2 * Math.PI))
        / (2 * Math.log(config.ropeTheta()));
  }

  private static float amplitude(RopeScaling scaling) {
    return scaling instanceof RopeScaling.Yarn yarn ? yarn.attentionFactor() : 1;
  }

  /**
   * cos and sin for positions 0 to {@code positions - 1}, times YaRN's attention factor where there
   * is one.
   */
  static RopeTable table(Device device, DeviceArena memory, LlamaConfig config, int positions) {
    float[] frequencies = of(config);
    float amplitude = amplitude(config.ropeScaling());
    int half = frequencies.length;
    Matrix cos = Matrix.allocate(memory, "rope cos", DType.F32, positions, half);
    Matrix sin = Matrix.allocate(memory, "rope sin", DType.F32, positions, half);
    try (Arena arena = Arena.ofShared()) {
      MemorySegment cosines = arena.allocate(cos.buffer().byteSize(), Float.BYTES);
      MemorySegment sines = arena.allocate(sin.buffer().byteSize(), Float.BYTES);
      for (int position = 0; position < positions; position++) {
        for (int i = 0; i < half; i++) {
          float angle = position * frequencies[i];
          long index = (long) position * half + i;
          cosines.setAtIndex(ValueLayout.JAVA_FLOAT, index, (float) Math.cos(angle) * amplitude);
          sines.setAtIndex(ValueLayout.JAVA_FLOAT, index, (float) Math.sin(angle) * amplitude);
        }
      }
      device.upload(cosines, cos.buffer());
      device.upload(sines, sin.buffer());
    }
    return new RopeTable(cos, sin);
  }
}
