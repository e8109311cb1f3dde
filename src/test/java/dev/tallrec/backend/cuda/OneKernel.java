package dev.tallrec.backend.cuda;

import dev.tallrec.backend.AttentionLayout;
import dev.tallrec.backend.Device;
import dev.tallrec.backend.DeviceArena;
import dev.tallrec.backend.Indices;
import dev.tallrec.backend.Matrix;
import dev.tallrec.tensor.DType;
import dev.tallrec.tensor.Shape;
import dev.tallrec.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/** Single operations on made-up numbers, for tests that put faults into their kernels. */
final class OneKernel {

  static final int ROWS = 3;
  static final int COLUMNS = 300;
  private static final int QUERIES = 70;

  private OneKernel() {}

  /** RMSNorm of fp32 rows; closes the driver. */
  static float[] rmsNorm(CudaDriver driver) {
    try (Device device = new CudaDevice(driver, DType.F32);
        DeviceArena memory = device.newArena();
        Arena host = Arena.ofShared()) {
      Matrix x = Matrix.allocate(memory, "x", DType.F32, ROWS, COLUMNS);
      Matrix weight = Matrix.allocate(memory, "weight", DType.F32, 1, COLUMNS);
      Matrix out = Matrix.allocate(memory, "out", DType.F32, ROWS, COLUMNS);
      Matrix rstd = Matrix.allocate(memory, "rstd", DType.F32, ROWS, 1);
      MemorySegment values = host.allocate((long) ROWS * COLUMNS * Float.BYTES, 8);
      for (int i = 0; i < ROWS * COLUMNS; i++) {
        values.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) Math.sin(i * i));
      }
      device.upload(values, x.buffer());
      device.upload(values.asSlice(0, (long) COLUMNS * Float.BYTES), weight.buffer());
      device.ops().rmsNorm(x, weight, 1e-5f, out, rstd);
      device.download(out.buffer(), values);
      return values.toArray(ValueLayout.JAVA_FLOAT);
    }
  }

  /** Causal attention of one head of 64 over several tiles of keys, in fp16; closes the driver. */
  static float[] attention(CudaDriver driver) {
    int headDim = 64;
    try (Device device = new CudaDevice(driver, DType.F16);
        DeviceArena memory = device.newArena();
        Arena host = Arena.ofShared()) {
      Matrix q = Matrix.allocate(memory, "q", DType.F16, QUERIES, headDim);
      Matrix k = Matrix.allocate(memory, "k", DType.F16, QUERIES, headDim);
      Matrix v = Matrix.allocate(memory, "v", DType.F16, QUERIES, headDim);
      Matrix out = Matrix.allocate(memory, "out", DType.F16, QUERIES, headDim);
      Matrix lse = Matrix.allocate(memory, "lse", DType.F32, 1, QUERIES);
      Tensor values =
          Tensor.allocate(host, "values", DType.F16, Shape.of((long) QUERIES * headDim));
      int at = 0;
      for (Matrix matrix : List.of(q, k, v)) {
        for (int i = 0; i < QUERIES * headDim; i++) {
          values.setFloatAt(i, (float) Math.sin(at++ * 1.7 + i * (double) i));
        }
        device.upload(values.segment(), matrix.buffer());
      }
      Indices segment = Indices.allocate(memory, "segment", AttentionLayout.INTS_PER_SEGMENT);
      device.upload(
          host.allocateFrom(ValueLayout.JAVA_INT, 0, QUERIES, 0, 0, 0, 0), segment.buffer());
      AttentionLayout layout =
          new AttentionLayout(segment, 1, QUERIES, QUERIES, QUERIES, QUERIES * (QUERIES + 1) / 2);
      device.ops().attention(q, k, v, layout, headDim, 0.125f, out, lse);
      device.download(out.buffer(), values.segment());
      return values.toFloats();
    }
  }

  /** NaN if a difference is. */
  static float largestDifference(float[] left, float[] right) {
    float largest = 0;
    for (int i = 0; i < right.length; i++) {
      largest = Math.max(largest, Math.abs(left[i] - right[i]));
    }
    return largest;
  }
}
