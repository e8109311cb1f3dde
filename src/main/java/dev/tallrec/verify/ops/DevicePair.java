package dev.tallrec.verify.ops;

import dev.tallrec.backend.Buffer;
import dev.tallrec.backend.Device;
import dev.tallrec.backend.DeviceArena;
import dev.tallrec.backend.FrozenLinear;
import dev.tallrec.backend.Indices;
import dev.tallrec.backend.Matrix;
import dev.tallrec.backend.Ops;
import dev.tallrec.tensor.DType;
import dev.tallrec.tensor.Shape;
import dev.tallrec.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/**
 * The device that is checked beside the reference, and inputs and outputs that lie in the memory of
 * both. It owns that memory, not the devices.
 */
public final class DevicePair implements AutoCloseable {

  // Elements between two rows, so that strides matter; of an aligned row the next one is aligned,
  // too.
  private static final int GAP = 8;

  private final Device reference;
  private final Device device;
  private final Findings findings;
  private final DeviceArena referenceMemory;
  private final DeviceArena memory;
  private final Arena host = Arena.ofShared();
  private final SplittableRandom random = new SplittableRandom(11);

  /**
   * A pair.
   *
   * @param reference says what is right; computes in fp32
   * @param device is checked
   * @param findings told what comes out
   */
  public DevicePair(Device reference, Device device, Findings findings) {
    this.reference = reference;
    this.device = device;
    this.findings = findings;
    this.referenceMemory = reference.newArena();
    this.memory = device.newArena();
  }

  /** An operation, or some, on one side. */
  @FunctionalInterface
  public interface Call {
    /** Calls {@code ops} with the operands of {@code on}. */
    void run(Ops ops, Both.Side on);
  }

  /** An operation that gives a number. */
  @FunctionalInterface
  interface NumberCall {
    double of(Ops ops, Both.Side on);
  }

  /** Runs an operation on both sides and compares what it wrote. */
  @SafeVarargs
  public final void run(String operation, Call call, Both<Matrix>... outputs) {
    findings.running(operation);
    call.run(reference.ops(), Both.Side.REFERENCE);
    call.run(device.ops(), Both.Side.CHECKED);
    for (Both<Matrix> output : outputs) {
      compare(output);
    }
  }

  /** Runs an operation that gives a number on both sides and compares the numbers. */
  void number(String operation, double tolerance, NumberCall call) {
    findings.running(operation);
    double expected = call.of(reference.ops(), Both.Side.REFERENCE);
    double actual = call.of(device.ops(), Both.Side.CHECKED);
    findings.add("result", 1, Math.abs(actual - expected) / Math.abs(expected), tolerance);
  }

  /** Gaps between rows are compared, too: nothing may be written there. */
  private void compare(Both<Matrix> output) {
    Tensor expected = download(reference, output.expected());
    Tensor actual = download(device, output.actual());
    double largest = 1e-30;
    double error = 0;
    long count = expected.shape().elementCount();
    for (long i = 0; i < count; i++) {
      largest = Math.max(largest, Math.abs(expected.floatAt(i)));
      double difference = Math.abs((double) actual.floatAt(i) - expected.floatAt(i));
      // Not "difference > error": NaN must win, and stay.
      if (!(difference <= error) && !Double.isNaN(error)) {
        error = difference;
      }
    }
    findings.add(output.name(), count, error / largest, output.tolerance());
  }

  private Tensor download(Device owner, Matrix matrix) {
    Buffer bytes = matrix.bytes();
    MemorySegment copy = host.allocate(bytes.byteSize(), 8);
    owner.download(bytes, copy);
    long elements = bytes.byteSize() / matrix.dtype().byteSize();
    return new Tensor("", matrix.dtype(), Shape.of(elements), copy);
  }

  /** The checked device's numbers of a matrix, and what lies between its rows. */
  public float[] values(Both<Matrix> matrix) {
    return download(device, matrix.actual()).toFloats();
  }

  /** Largest error of a matrix of {@code type}, relative to its largest value. */
  static double tolerance(DType type) {
    return switch (type) {
      case F32 -> 4e-6;
      case F16 -> 4e-3;
      default -> 3e-2;
    };
  }

  /** For fp32 numbers that were computed from numbers in the device's type. */
  double computeTolerance() {
    return tolerance(device.computeType());
  }

  /** The same random numbers on both, within wider rows, as {@code type} on the checked device. */
  Both<Matrix> random(String name, DType type, int rows, int columns, double scale) {
    int stride = columns + (rows > 1 ? GAP : 0);
    Tensor values = Tensor.allocate(host, name, type, Shape.of((long) rows * stride));
    Tensor asFloats = Tensor.allocate(host, name, DType.F32, values.shape());
    for (long i = 0; i < values.shape().elementCount(); i++) {
      values.setFloatAt(i, (float) (scale * (random.nextDouble() * 2 - 1)));
      asFloats.setFloatAt(i, values.floatAt(i));
    }
    Buffer right = referenceMemory.allocate(asFloats.segment().byteSize(), name);
    Buffer ours = memory.allocate(values.segment().byteSize(), name);
    reference.upload(asFloats.segment(), right);
    device.upload(values.segment(), ours);
    return new Both<>(
        name,
        new Matrix(right, DType.F32, 0, rows, columns, stride),
        new Matrix(ours, type, 0, rows, columns, stride),
        tolerance(type));
  }

  /** In the device's compute type, between -1 and 1. */
  public Both<Matrix> random(String name, int rows, int columns) {
    return random(name, device.computeType(), rows, columns, 1);
  }

  /** In fp32, between -1 and 1. */
  public Both<Matrix> floats(String name, int rows, int columns) {
    return random(name, DType.F32, rows, columns, 1);
  }

  /** In the device's compute type. */
  Both<Matrix> scaled(String name, int rows, int columns, double scale) {
    return random(name, device.computeType(), rows, columns, scale);
  }

  /** The same indices on both. */
  public Both<Indices> indices(int... values) {
    MemorySegment bytes = host.allocateFrom(ValueLayout.JAVA_INT, values);
    Indices right = Indices.allocate(referenceMemory, "indices", values.length);
    Indices ours = Indices.allocate(memory, "indices", values.length);
    reference.upload(bytes, right.buffer());
    device.upload(bytes, ours.buffer());
    return new Both<>("indices", right, ours, 0);
  }

  /** Frozen weights stored as {@code type}, of some parts one below the other. */
  Both<FrozenLinear> weights(DType type, int in, int... outs) {
    List<Tensor> parts = new ArrayList<>();
    for (int out : outs) {
      Tensor part = Tensor.allocate(host, "w", type, Shape.of(out, in));
      for (long i = 0; i < part.shape().elementCount(); i++) {
        part.setFloatAt(i, (float) (random.nextDouble() * 2 - 1));
      }
      parts.add(part);
    }
    return new Both<>(
        "w", reference.loadLinear(referenceMemory, parts), device.loadLinear(memory, parts), 0);
  }

  @Override
  public void close() {
    memory.close();
    referenceMemory.close();
    host.close();
  }
}
