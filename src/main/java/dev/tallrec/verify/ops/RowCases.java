package dev.tallrec.verify.ops;

import dev.tallrec.backend.FrozenLinear;
import dev.tallrec.backend.Indices;
import dev.tallrec.backend.Matrix;
import dev.tallrec.backend.RopeTable;
import dev.tallrec.tensor.DType;
import java.util.List;

/** Operations on rows of activations: norms, rotation, activation, moves. */
final class RowCases {

  private static final float EPSILON = 1e-5f;

  private RowCases() {}

  static void addOdd(List<OpsCase> cases) {
    cases.add(new OpsCase("embedding of 50 x 37", pair -> embedding(pair, 50, 37)));
    int[][] sizes = {
      {1, 1}, {1, 7}, {7, 31}, {33, 33}, {2, 127}, {3, 129}, {129, 64}, {5, 1031}, {21, 83}
    };
    for (int[] size : sizes) {
      addRows(cases, size[0], size[1]);
    }
    addRope(cases, 13, 3, 22);
    cases.add(new OpsCase("gather and scatter", pair -> gather(pair, 10, 33)));
    for (DType type : List.of(DType.F32, DType.F16, DType.BF16)) {
      cases.add(new OpsCase("copies to and from " + type, pair -> copies(pair, type, 5, 31)));
    }
  }

  static void addTypical(List<OpsCase> cases) {
    cases.add(new OpsCase("embedding of 2000 x 4096", pair -> embedding(pair, 2000, 4096)));
    addRows(cases, 64, 4096);
    addRows(cases, 64, 11008);
    addRope(cases, 64, 32, 128);
    cases.add(new OpsCase("gather and scatter", pair -> gather(pair, 64, 4096)));
    for (DType type : List.of(DType.F32, DType.F16, DType.BF16)) {
      cases.add(new OpsCase("copies to and from " + type, pair -> copies(pair, type, 64, 4096)));
    }
  }

  private static void addRows(List<OpsCase> cases, int rows, int columns) {
    String size = rows + " x " + columns;
    cases.add(new OpsCase("norms of " + size, pair -> norms(pair, rows, columns)));
    cases.add(new OpsCase("SwiGLU of " + size, pair -> swiglu(pair, rows, columns)));
    cases.add(new OpsCase("add and fill of " + size, pair -> addAndFill(pair, rows, columns)));
  }

  private static void addRope(List<OpsCase> cases, int rows, int heads, int headDim) {
    for (boolean inverse : new boolean[] {false, true}) {
      String label =
          "%srotation of %d x %d x %d".formatted(inverse ? "inverse " : "", rows, heads, headDim);
      cases.add(new OpsCase(label, pair -> rope(pair, rows, heads, headDim, inverse)));
    }
  }

  private static void embedding(DevicePair pair, int vocabulary, int columns) {
    Both<FrozenLinear> table = pair.weights(DType.F16, columns, vocabulary);
    Both<Indices> ids = pair.indices(3, vocabulary - 1, 0, 3);
    Both<Matrix> out = pair.random("out", 4, columns);
    pair.run("embedding", (ops, on) -> ops.embedding(on.of(ids), on.of(table), on.of(out)), out);
  }

  private static void norms(DevicePair pair, int rows, int columns) {
    Both<Matrix> x = pair.random("x", rows, columns);
    Both<Matrix> delta = pair.random("delta", rows, columns);
    Both<Matrix> weight = pair.random("weight", 1, columns);
    Both<Matrix> sum = pair.random("sum", rows, columns);
    Both<Matrix> out = pair.random("out", rows, columns);
    Both<Matrix> rstd = pair.floats("rstd", rows, 1);
    pair.run(
        "addRmsNorm",
        (ops, on) ->
            ops.addRmsNorm(
                on.of(x),
                on.of(delta),
                on.of(weight),
                EPSILON,
                on.of(sum),
                on.of(out),
                on.of(rstd)),
        sum,
        out,
        // Of the sum as it is stored, which is rounded.
        rstd.within(Math.max(1e-3, pair.computeTolerance())));
    pair.run(
        "rmsNorm",
        (ops, on) -> ops.rmsNorm(on.of(x), on.of(weight), EPSILON, on.of(out), on.of(rstd)),
        out,
        rstd.within(1e-5));
    Both<Matrix> dout = pair.random("dout", rows, columns);
    Both<Matrix> dx = pair.random("dx", rows, columns);
    pair.run(
        "rmsNormBackward",
        (ops, on) ->
            ops.rmsNormBackward(on.of(dout), on.of(x), on.of(weight), on.of(rstd), on.of(dx)),
        dx);
  }

  private static void rope(DevicePair pair, int rows, int heads, int headDim, boolean inverse) {
    Both<Matrix> x = pair.random("x", rows, heads * headDim);
    Both<Matrix> cos = pair.floats("cos", rows + 7, headDim / 2);
    Both<Matrix> sin = pair.floats("sin", rows + 7, headDim / 2);
    int[] numbers = new int[rows];
    for (int i = 0; i < rows; i++) {
      numbers[i] = i;
    }
    numbers[rows / 2] = rows + 6;
    Both<Indices> positions = pair.indices(numbers);
    pair.run(
        "rope",
        (ops, on) ->
            ops.rope(on.of(x), on.of(positions), new RopeTable(on.of(cos), on.of(sin)), inverse),
        x);
  }

  private static void swiglu(DevicePair pair, int rows, int columns) {
    Both<Matrix> gate = pair.scaled("gate", rows, columns, 6);
    Both<Matrix> up = pair.random("up", rows, columns);
    Both<Matrix> out = pair.random("out", rows, columns);
    pair.run("swiglu", (ops, on) -> ops.swiglu(on.of(gate), on.of(up), on.of(out)), out);
    Both<Matrix> dout = pair.random("dout", rows, columns);
    pair.run(
        "swigluBackward",
        (ops, on) ->
            ops.swigluBackward(on.of(dout), on.of(gate), on.of(up), on.of(gate), on.of(up)),
        gate,
        up);
  }

  private static void addAndFill(DevicePair pair, int rows, int columns) {
    Both<Matrix> x = pair.random("x", rows, columns);
    Both<Matrix> y = pair.random("y", rows, columns);
    pair.run("add", (ops, on) -> ops.add(on.of(x), on.of(y)), y);
    pair.run("fill", (ops, on) -> ops.fill(on.of(x), 0.25f), x);
  }

  private static void gather(DevicePair pair, int rows, int columns) {
    Both<Matrix> source = pair.random("source", rows, columns);
    Both<Indices> chosen = pair.indices(rows - 1, 0, 4);
    Both<Matrix> out = pair.random("out", 3, columns);
    pair.run(
        "gatherRows", (ops, on) -> ops.gatherRows(on.of(source), on.of(chosen), on.of(out)), out);
    pair.run(
        "scatterAddRows",
        (ops, on) -> ops.scatterAddRows(on.of(out), on.of(chosen), on.of(source)),
        source);
  }

  private static void copies(DevicePair pair, DType type, int rows, int columns) {
    Both<Matrix> source = pair.floats("source", rows, columns);
    Both<Matrix> target = pair.random("target", type, rows, columns, 1);
    Both<Matrix> compute = pair.random("compute", rows, columns);
    pair.run("copy", (ops, on) -> ops.copy(on.of(source), on.of(target)), target);
    pair.run(
        "copy",
        (ops, on) -> ops.copy(on.of(target), on.of(source)),
        source.within(target.tolerance()));
    pair.run(
        "copy",
        (ops, on) -> ops.copy(on.of(compute), on.of(target)),
        target.within(Math.max(target.tolerance(), compute.tolerance())));
  }
}
