package dev.tallrec.verify.ops;

import dev.tallrec.backend.Dropout;
import dev.tallrec.backend.FrozenLinear;
import dev.tallrec.backend.Matrix;
import dev.tallrec.tensor.DType;
import java.util.List;

/** Products with frozen weights, and LoRA's thin ones. */
final class ProductCases {

  // Sums of thousands of products, in another order than the reference's.
  private static final double LONG_SUMS = 2e-5;

  private ProductCases() {}

  static void addOdd(List<OpsCase> cases) {
    addLinear(cases, DType.F32, 1, false);
    addLinear(cases, DType.F32, 2, true);
    addLinear(cases, DType.F16, 3, false);
    addLinear(cases, DType.BF16, 1, false);
    addLinear(cases, DType.BF16, 37, true);
    addLinear(cases, DType.F16, 70, false);
    addLinear(cases, DType.F32, 531, false);
    cases.add(new OpsCase("67 rows, 300 to 530", pair -> wide(pair, 67, 300, 530)));
    int[] ranks = {8, 8, 6, 1, 17};
    double[] dropouts = {0, 0.3, 0.05, 0, 0.5};
    for (int i = 0; i < ranks.length; i++) {
      addLora(cases, 35, 90, 75, ranks[i], dropouts[i]);
    }
  }

  static void addTypical(List<OpsCase> cases) {
    cases.add(new OpsCase("128 rows, 4096 to 4096", pair -> wide(pair, 128, 4096, 4096)));
    cases.add(new OpsCase("1 row, 4096 to 11008", pair -> wide(pair, 1, 4096, 11008)));
    addLora(cases, 300, 4096, 4096, 8, 0.05);
  }

  private static void addLinear(List<OpsCase> cases, DType type, int rows, boolean accumulate) {
    String label =
        "%d rows, 45 to 67 stored as %s%s".formatted(rows, type, accumulate ? ", added" : "");
    cases.add(new OpsCase(label, pair -> parts(pair, type, rows, accumulate)));
  }

  private static void addLora(
      List<OpsCase> cases, int rows, int in, int out, int rank, double probability) {
    String label =
        "%d rows, %d to %d, rank %d, dropout %s".formatted(rows, in, out, rank, probability);
    cases.add(new OpsCase(label, pair -> lora(pair, rows, in, out, rank, (float) probability)));
  }

  private static double tolerance(DevicePair pair) {
    return Math.max(LONG_SUMS, pair.computeTolerance());
  }

  private static void parts(DevicePair pair, DType type, int rows, boolean accumulate) {
    Both<FrozenLinear> w = pair.weights(type, 45, 30, 9, 28);
    Both<Matrix> x = pair.random("x", rows, 45);
    Both<Matrix> y = pair.random("y", rows, 67);
    pair.run("linear", (ops, on) -> ops.linear(on.of(x), on.of(w), on.of(y), accumulate), y);
    Both<FrozenLinear> some = Both.outputs(w, 20, 40);
    Both<Matrix> part = pair.random("part", rows, 40);
    pair.run(
        "linear", (ops, on) -> ops.linear(on.of(x), on.of(some), on.of(part), accumulate), part);
    Both<Matrix> dx = pair.random("dx", rows, 45);
    pair.run(
        "linearBackward",
        (ops, on) -> ops.linearBackward(on.of(part), on.of(some), on.of(dx), accumulate),
        dx);
  }

  private static void wide(DevicePair pair, int rows, int in, int out) {
    Both<FrozenLinear> w = pair.weights(DType.F16, in, out);
    Both<Matrix> x = pair.random("x", rows, in);
    Both<Matrix> y = pair.random("y", rows, out);
    pair.run(
        "linear",
        (ops, on) -> ops.linear(on.of(x), on.of(w), on.of(y), false),
        y.within(tolerance(pair)));
    Both<Matrix> dy = pair.random("dy", rows, out);
    Both<Matrix> dx = pair.random("dx", rows, in);
    pair.run(
        "linearBackward",
        (ops, on) -> ops.linearBackward(on.of(dy), on.of(w), on.of(dx), false),
        dx.within(tolerance(pair)));
  }

  private static void lora(
      DevicePair pair, int rows, int in, int out, int rank, float probability) {
    Dropout dropout = new Dropout(probability, 0x123456789ABCDEFL, 7);
    float scale = 1.5f;
    Both<Matrix> x = pair.random("x", rows, in);
    Both<Matrix> a = pair.random("a", rank, in);
    Both<Matrix> b = pair.random("b", out, rank);
    Both<Matrix> u = pair.random("u", rows, rank);
    Both<Matrix> y = pair.random("y", rows, out);
    pair.run(
        "lora",
        (ops, on) -> ops.lora(on.of(x), on.of(a), on.of(b), scale, dropout, on.of(u), on.of(y)),
        u.within(tolerance(pair)),
        y.within(tolerance(pair)));
    Both<Matrix> dy = pair.random("dy", rows, out);
    Both<Matrix> du = pair.random("du", rows, rank);
    // In fp32, but from activations in the device's type.
    Both<Matrix> da = pair.floats("da", rank, in).within(tolerance(pair));
    Both<Matrix> db = pair.floats("db", out, rank).within(tolerance(pair));
    Both<Matrix> dx = pair.random("dx", rows, in).within(tolerance(pair));
    pair.run(
        "loraBackward",
        (ops, on) ->
            ops.loraBackward(
                on.of(dy), on.of(x), on.of(u), on.of(a), on.of(b), scale, dropout, on.of(du),
                on.of(da), on.of(db), on.of(dx)),
        da,
        db,
        dx);
    pair.run(
        "loraBackward",
        (ops, on) ->
            ops.loraBackward(
                on.of(dy), on.of(x), on.of(u), on.of(a), on.of(b), scale, dropout, on.of(du),
                on.of(da), on.of(db), null),
        da);
  }
}
