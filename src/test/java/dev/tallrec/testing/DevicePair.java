package dev.tallrec.testing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.tallrec.backend.Buffer;
import dev.tallrec.backend.Device;
import dev.tallrec.backend.DeviceArena;
import dev.tallrec.backend.FrozenLinear;
import dev.tallrec.backend.Indices;
import dev.tallrec.backend.Matrix;
import dev.tallrec.tensor.DType;
import dev.tallrec.tensor.Shape;
import dev.tallrec.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;

/**
 * The device under test beside the reference, and inputs and outputs that lie in the memory of
 * both. Opened before and closed after each test.
 */
abstract class DevicePair {

  /** An input or output, in memory of both devices. */
  protected final class Both {
    final Matrix expected;
    final Matrix actual;
    final String name;

    Both(String name, Matrix expected, Matrix actual) {
      this.name = name;
      this.expected = expected;
      this.actual = actual;
    }

    Both rows(int first, int count) {
      return new Both(name, expected.rows(first, count), actual.rows(first, count));
    }

    /** Fails unless both hold the same numbers, relative to the largest. */
    void check() {
      check(tolerance(actual.dtype()));
    }

    void check(double tolerance) {
      double[] right = values(reference, expected);
      double[] ours = values(device, actual);
      double largest = 1e-30;
      for (double value : right) {
        largest = Math.max(largest, Math.abs(value));
      }
      for (int i = 0; i < right.length; i++) {
        assertThat(ours[i])
            .as("%s (%d, %d)", name, i / expected.columns(), i % expected.columns())
            .isCloseTo(right[i], within(tolerance * largest));
      }
    }
  }

  final Device reference = new ReferenceDevice();
  private final SplittableRandom random = new SplittableRandom(11);
  Device device;
  private DeviceArena referenceMemory;
  DeviceArena memory;
  private Arena host;

  /** The device under test. */
  protected abstract Device newDevice();

  /** Largest error relative to the largest value of a matrix of {@code type}. */
  protected double tolerance(DType type) {
    return switch (type) {
      case F32 -> 4e-6;
      case F16 -> 4e-3;
      default -> 3e-2;
    };
  }

  @BeforeEach
  void open() {
    device = newDevice();
    memory = device.newArena();
    referenceMemory = reference.newArena();
    host = Arena.ofShared();
  }

  @AfterEach
  void close() {
    memory.close();
    referenceMemory.close();
    device.close();
    host.close();
  }

  double[] values(Device owner, Matrix matrix) {
    owner.synchronize();
    Buffer bytes = matrix.bytes();
    MemorySegment copy = host.allocate(bytes.byteSize(), 8);
    owner.download(bytes, copy);
    double[] values = new double[matrix.rows() * matrix.columns()];
    Tensor view =
        new Tensor(
            "", matrix.dtype(), Shape.of(bytes.byteSize() / matrix.dtype().byteSize()), copy);
    for (int i = 0; i < values.length; i++) {
      values[i] =
          view.floatAt((long) (i / matrix.columns()) * matrix.stride() + i % matrix.columns());
    }
    return values;
  }

  /** A matrix with the same random numbers on both, within wider rows so that strides matter. */
  Both random(String name, DType type, int rows, int columns, double scale) {
    int stride = columns + (rows > 1 ? 8 : 0);
    Tensor values = Tensor.allocate(host, name, type, Shape.of((long) rows * stride));
    for (long i = 0; i < values.shape().elementCount(); i++) {
      values.setFloatAt(i, (float) (scale * (random.nextDouble() * 2 - 1)));
    }
    Tensor asFloats = Tensor.allocate(host, name, DType.F32, values.shape());
    for (long i = 0; i < values.shape().elementCount(); i++) {
      asFloats.setFloatAt(i, values.floatAt(i));
    }
    Buffer right = referenceMemory.allocate(asFloats.segment().byteSize(), name);
    Buffer ours = memory.allocate(values.segment().byteSize(), name);
    reference.upload(asFloats.segment(), right);
    device.upload(values.segment(), ours);
    return new Both(
        name,
        new Matrix(right, DType.F32, 0, rows, columns, stride),
        new Matrix(ours, type, 0, rows, columns, stride));
  }

  /** In the device's compute type. */
  Both random(String name, int rows, int columns) {
    return random(name, device.computeType(), rows, columns, 1);
  }

  Both floats(String name, int rows, int columns) {
    return random(name, DType.F32, rows, columns, 1);
  }

  record BothIndices(Indices expected, Indices actual) {}

  BothIndices indices(int... values) {
    MemorySegment bytes = host.allocateFrom(ValueLayout.JAVA_INT, values);
    Indices right = Indices.allocate(referenceMemory, "indices", values.length);
    Indices ours = Indices.allocate(memory, "indices", values.length);
    reference.upload(bytes, right.buffer());
    device.upload(bytes, ours.buffer());
    return new BothIndices(right, ours);
  }

  record BothWeights(FrozenLinear expected, FrozenLinear actual) {}

  BothWeights weights(DType type, int in, int... outs) {
    List<Tensor> parts = new ArrayList<>();
    for (int out : outs) {
      Tensor part = Tensor.allocate(host, "w", type, Shape.of(out, in));
      for (long i = 0; i < part.shape().elementCount(); i++) {
        part.setFloatAt(i, (float) (random.nextDouble() * 2 - 1));
      }
      parts.add(part);
    }
    return new BothWeights(
        reference.loadLinear(referenceMemory, parts), device.loadLinear(memory, parts));
  }
}
