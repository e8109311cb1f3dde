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
      frequencies[i] =
          scaled(1f / (float) Math.pow(config.ropeTheta(), exponent), config.ropeScaling());
    }
    return frequencies;
  }

  private static float scaled(float frequency, RopeScaling scaling) {
    return switch (scaling) {
      case RopeScaling.None() -> frequency;
      case RopeScaling.Linear(float factor) -> frequency / factor;
      case RopeScaling.Llama3 llama3 -> llama3(frequency, llama3);
    };
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

  /** cos and sin for positions 0 to {@code positions - 1}. */
  static RopeTable table(Device device, DeviceArena memory, LlamaConfig config, int positions) {
    float[] frequencies = of(config);
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
          cosines.setAtIndex(ValueLayout.JAVA_FLOAT, index, (float) Math.cos(angle));
          sines.setAtIndex(ValueLayout.JAVA_FLOAT, index, (float) Math.sin(angle));
        }
      }
      device.upload(cosines, cos.buffer());
      device.upload(sines, sin.buffer());
    }
    return new RopeTable(cos, sin);
  }
}
