package dev.tallrec.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tallrec.backend.AdamWStep;
import dev.tallrec.backend.AttentionLayout;
import dev.tallrec.backend.Buffer;
import dev.tallrec.backend.Device;
import dev.tallrec.backend.DeviceArena;
import dev.tallrec.backend.Dropout;
import dev.tallrec.backend.FrozenLinear;
import dev.tallrec.backend.Indices;
import dev.tallrec.backend.Matrix;
import dev.tallrec.backend.Ops;
import dev.tallrec.backend.RopeTable;
import dev.tallrec.backend.cpu.CpuDevice;
import dev.tallrec.tensor.DType;
import dev.tallrec.tensor.Shape;
import dev.tallrec.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.BiConsumer;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The CPU and the emulated device demand the same of every operand of every operation. */
class EmulatedOperandsTest {

  private static final long MEMORY = 1L << 26;
  private static final float EPSILON = 1e-5f;
  private static final int GAP = 3;

  /** What a changed operand is called and what takes its place. */
  private interface Changes extends BiConsumer<String, Operand> {}

  /** An argument that is made on the device that gets it. */
  private interface Operand {
    Object on(Device device, DeviceArena memory, Arena host);

    /** Each way to change it a little. */
    default void change(Changes changes) {}
  }

  private record Constant(Object value) implements Operand {
    @Override
    public Object on(Device device, DeviceArena memory, Arena host) {
      return value;
    }
  }

  private record HeadDim(int value) implements Operand {
    @Override
    public Object on(Device device, DeviceArena memory, Arena host) {
      return value;
    }

    @Override
    public void change(Changes changes) {
      changes.accept("none", new HeadDim(0));
      changes.accept("one more", new HeadDim(value + 1));
    }
  }

  private record Values(Function<Device, DType> type, int rows, int columns, int gap)
      implements Operand {
    @Override
    public Matrix on(Device device, DeviceArena memory, Arena host) {
      DType dtype = type.apply(device);
      int stride = columns + gap;
      Buffer buffer = memory.allocate((long) rows * stride * dtype.byteSize(), "operand");
      return new Matrix(buffer, dtype, 0, rows, columns, stride);
    }

    @Override
    public void change(Changes changes) {
      changes.accept("a row more", new Values(type, rows + 1, columns, gap));
      changes.accept("a column more", new Values(type, rows, columns + 1, gap));
      changes.accept("BF16", new Values(device -> DType.BF16, rows, columns, gap));
      changes.accept(
          "F16 for F32, F32 for others",
          new Values(
              device -> type.apply(device) == DType.F32 ? DType.F16 : DType.F32,
              rows,
              columns,
              gap));
    }

    Values spread() {
      return new Values(type, rows, columns, GAP);
    }
  }

  private record Numbers(List<Integer> values) implements Operand {
    @Override
    public Object on(Device device, DeviceArena memory, Arena host) {
      int[] ints = values.stream().mapToInt(Integer::intValue).toArray();
      Indices indices = Indices.allocate(memory, "operand", ints.length);
      device.upload(host.allocateFrom(ValueLayout.JAVA_INT, ints), indices.buffer());
      return indices;
    }

    @Override
    public void change(Changes changes) {
      changes.accept(
          "one more", new Numbers(Stream.concat(values.stream(), Stream.of(0)).toList()));
    }
  }

  private record Weights(int outputs, int inputs) implements Operand {
    @Override
    public FrozenLinear on(Device device, DeviceArena memory, Arena host) {
      Tensor part = Tensor.allocate(host, "operand", DType.F32, Shape.of(outputs, inputs));
      return device.loadLinear(memory, List.of(part));
    }

    @Override
    public void change(Changes changes) {
      changes.accept("an output more", new Weights(outputs + 1, inputs));
      changes.accept("an input more", new Weights(outputs, inputs + 1));
    }
  }

  private record Table(Values cos, Values sin) implements Operand {
    @Override
    public Object on(Device device, DeviceArena memory, Arena host) {
      return new RopeTable(cos.on(device, memory, host), sin.on(device, memory, host));
    }

    @Override
    public void change(Changes changes) {
      cos.change((what, other) -> changes.accept("cos: " + what, new Table((Values) other, sin)));
      sin.change((what, other) -> changes.accept("sin: " + what, new Table(cos, (Values) other)));
      changes.accept("another distance of rows in sin", new Table(cos, sin.spread()));
    }
  }

  private record OneSegment(int queries, int keys) implements Operand {
    @Override
    public Object on(Device device, DeviceArena memory, Arena host) {
      Numbers ints = new Numbers(List.of(0, queries, 0, keys - queries, 0, 0));
      Indices segments = (Indices) ints.on(device, memory, host);
      return new AttentionLayout(segments, 1, queries, keys, queries, 1);
    }

    @Override
    public void change(Changes changes) {
      changes.accept("a query more", new OneSegment(queries + 1, keys));
      changes.accept("a key more", new OneSegment(queries, keys + 1));
    }
  }

  private static Operand constant(Object value) {
    return new Constant(value);
  }

  private static Values compute(int rows, int columns) {
    return new Values(Device::computeType, rows, columns, 0);
  }

  private static Values floats(int rows, int columns) {
    return new Values(device -> DType.F32, rows, columns, 0);
  }

  private static Numbers numbers(Integer... values) {
    return new Numbers(List.of(values));
  }

  /** Operands that every operation takes. */
  private static Map<String, List<Operand>> operands() {
    Values x = compute(5, 8);
    Values weight = compute(1, 8);
    Values rstd = floats(5, 1);
    Operand epsilon = constant(EPSILON);
    Operand scale = constant(0.5f);
    Operand yes = constant(true);
    Operand none = constant(Dropout.NONE);
    Numbers five = numbers(0, 1, 2, 3, 4);
    Numbers three = numbers(4, 0, 2);
    Weights weights = new Weights(6, 8);
    Values a = compute(2, 8);
    Values b = compute(6, 2);
    Values u = compute(5, 2);
    Values y = compute(5, 6);
    Values k = compute(5, 4);
    Values perHead = floats(4, 5);
    Operand layout = new OneSegment(5, 5);
    Operand headDim = new HeadDim(2);
    Values logits = compute(5, 9);
    Values flat = floats(1, 8);
    Operand step = constant(new AdamWStep(1e-2f, 0.9, 0.999, 1e-8f, 0.01f, 1, 1));
    Map<String, List<Operand>> all = new LinkedHashMap<>();
    all.put("embedding", List.of(three, new Weights(9, 8), compute(3, 8)));
    all.put("rmsNorm", List.of(x, weight, epsilon, x, rstd));
    all.put("addRmsNorm", List.of(x, x, weight, epsilon, x, x, rstd));
    all.put("rmsNormBackward", List.of(x, x, weight, rstd, x));
    all.put("rope", List.of(x, five, new Table(floats(7, 2), floats(7, 2)), yes));
    all.put("swiglu", List.of(x, x, x));
    all.put("swigluBackward", List.of(x, x, x, x, x));
    all.put("linear", List.of(x, weights, y, yes));
    all.put("linearBackward", List.of(y, weights, x, yes));
    all.put("lora", List.of(x, a, b, scale, none, u, y));
    all.put("loraBackward", List.of(y, x, u, a, b, scale, none, u, floats(2, 8), floats(6, 2), x));
    all.put("attention", List.of(x, k, k, layout, headDim, scale, x, perHead));
    all.put(
        "attentionBackward",
        List.of(x, k, k, x, x, perHead, layout, headDim, scale, perHead, x, k, k));
    all.put("ropeAttentionBackward", ropeAttentionBackward());
    all.put("gatherRows", List.of(x, three, compute(3, 8)));
    all.put("scatterAddRows", List.of(compute(3, 8), three, x));
    all.put("crossEntropy", List.of(logits, five, rstd, scale, rstd, logits));
    all.put("tokenProbabilities", List.of(logits, numbers(3, 7), floats(5, 2)));
    all.put("sumOfSquares", List.of(flat));
    all.put("adamW", List.of(flat, flat, flat, flat, weight, step));
    all.put("fill", List.of(x, scale));
    all.put("copy", List.of(floats(5, 8), x));
    all.put("add", List.of(x, x));
    return all;
  }

  /** Of heads that kernels rotate themselves. */
  private static List<Operand> ropeAttentionBackward() {
    Values q = compute(5, 32);
    Values k = compute(5, 16);
    Values perHead = floats(2, 5);
    Numbers positions = numbers(0, 1, 2, 3, 4);
    Table table = new Table(floats(7, 8), floats(7, 8));
    return List.of(
        q,
        k,
        k,
        q,
        q,
        perHead,
        new OneSegment(5, 5),
        new HeadDim(16),
        constant(0.5f),
        perHead,
        positions,
        positions,
        table,
        q,
        k,
        k);
  }

  // The sizes and types that an operation leaves open; all other changes are refused.
  private static final Set<String> OPEN =
      Set.of(
          "embedding, 1: an output more",
          "gatherRows, 0: a row more",
          "scatterAddRows, 2: a row more",
          "tokenProbabilities, 0: a column more",
          "sumOfSquares, 0: a column more",
          "fill, 0: a row more",
          "fill, 0: a column more",
          "fill, 0: BF16",
          "fill, 0: F16 for F32, F32 for others",
          "copy, 0: BF16",
          "copy, 0: F16 for F32, F32 for others",
          "copy, 1: BF16",
          "copy, 1: F16 for F32, F32 for others");

  private static final String ACCEPTED = "accepted";

  @BeforeAll
  static void needsKernels() {
    KernelBuild.GCC.assume();
  }

  private static Device emulated(DType type) {
    return new CudaDevice(KernelBuild.GCC.driver(0, MEMORY), type);
  }

  /** Calls an operation; what it threw if it did not like the operands. */
  private static String call(Device device, String operation, List<Operand> operands) {
    Method method =
        Arrays.stream(Ops.class.getMethods())
            .filter(candidate -> candidate.getName().equals(operation))
            .findAny()
            .orElseThrow();
    try (DeviceArena memory = device.newArena();
        Arena host = Arena.ofShared()) {
      Object[] arguments =
          operands.stream().map(operand -> operand.on(device, memory, host)).toArray();
      method.invoke(device.ops(), arguments);
      device.synchronize();
      return ACCEPTED;
    } catch (InvocationTargetException e) {
      if (e.getCause() instanceof IllegalArgumentException refusal) {
        return refusal.toString();
      }
      throw new AssertionError(operation + " failed", e);
    } catch (IllegalAccessException e) {
      throw new AssertionError(e);
    }
  }

  /** What comes of each change of one operand of one operation. */
  private static Map<String, String> outcomes(Device device) {
    Map<String, String> outcomes = new TreeMap<>();
    operands()
        .forEach((operation, operands) -> {
          for (int i = 0; i < operands.size(); i++) {
            int index = i;
            operands
                .get(index)
                .change((what, other) -> {
                  List<Operand> changed = new ArrayList<>(operands);
                  changed.set(index, other);
                  outcomes.put(
                      operation + ", " + index + ": " + what, call(device, operation, changed));
                });
          }
        });
    return outcomes;
  }

  private static List<String> accepted(Map<String, String> outcomes) {
    return outcomes.entrySet().stream()
        .filter(entry -> entry.getValue().equals(ACCEPTED))
        .map(Map.Entry::getKey)
        .toList();
  }

  @Test
  void bothRefuseTheSameAndSayTheSame() {
    try (Device cpu = new CpuDevice(1);
        Device cuda = emulated(DType.F32)) {
      Map<String, String> refusals = outcomes(cpu);
      assertThat(outcomes(cuda)).isEqualTo(refusals);
      assertThat(accepted(refusals)).containsExactlyInAnyOrderElementsOf(OPEN);
    }
  }

  @Test
  void statisticsAreInF32WhateverTheComputeType() {
    try (Device cuda = emulated(DType.F16)) {
      assertThat(accepted(outcomes(cuda))).containsExactlyInAnyOrderElementsOf(OPEN);
    }
  }

  @Test
  void rowsMayLieAnyDistanceApart() {
    assertThat(operands().keySet())
        .containsExactlyInAnyOrderElementsOf(
            Arrays.stream(Ops.class.getMethods()).map(Method::getName).toList());
    try (Device cpu = new CpuDevice(1);
        Device cuda = emulated(DType.F16)) {
      for (Device device : List.of(cpu, cuda)) {
        operands()
            .forEach((operation, operands) -> {
              assertThat(call(device, operation, operands)).as(operation).isEqualTo(ACCEPTED);
              List<Operand> spread =
                  operands.stream()
                      .map(operand -> operand instanceof Values values ? values.spread() : operand)
                      .toList();
              assertThat(call(device, operation, spread)).as(operation).isEqualTo(ACCEPTED);
            });
      }
    }
  }

  @Test
  void weightsAndCopiesAreCheckedAlike() {
    try (Device cpu = new CpuDevice(1);
        Device cuda = emulated(DType.F32)) {
      for (Device device : List.of(cpu, cuda)) {
        try (DeviceArena memory = device.newArena();
            Arena host = Arena.ofShared()) {
          Tensor q = Tensor.allocate(host, "q", DType.F16, Shape.of(3, 8));
          List<Tensor> wrong =
              List.of(
                  Tensor.allocate(host, "k", DType.F16, Shape.of(3, 9)),
                  Tensor.allocate(host, "k", DType.F32, Shape.of(3, 8)),
                  Tensor.allocate(host, "k", DType.F16, Shape.of(24)));
          for (Tensor k : wrong) {
            assertThatThrownBy(() -> device.loadLinear(memory, List.of(q, k)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(
                    "k %s %s cannot be one layer with q F16 %s", k.dtype(), k.shape(), q.shape());
            assertThatThrownBy(() -> device.loadLinear(memory, List.of(k, q)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("cannot be one layer with k");
          }
          Buffer buffer = memory.allocate(16, "buffer");
          assertThatThrownBy(() -> device.upload(host.allocate(12), buffer))
              .hasMessage("copying 12 bytes to a place of 16");
          assertThatThrownBy(() -> device.download(buffer, host.allocate(12)))
              .hasMessage("copying 16 bytes to a place of 12");
        }
      }
    }
  }
}
