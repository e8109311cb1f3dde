package dev.tallrec.verify.ops;

import dev.tallrec.backend.AttentionLayout;
import dev.tallrec.backend.Indices;
import dev.tallrec.backend.Matrix;
import java.util.List;

/** Attention and its gradient: heads of many sizes, packed sequences, shared prefixes. */
final class AttentionCases {

  private static final float SCALE = 0.5f;

  private AttentionCases() {}

  static void addOdd(List<OpsCase> cases) {
    Heads heads = new Heads(20, 6, 2);
    // A sequence of 70 (more than a block), one of 1, one of 9.
    add(
        cases,
        "packed sequences",
        heads,
        80,
        80,
        70,
        0,
        70,
        0,
        0,
        0,
        0,
        70,
        1,
        70,
        0,
        0,
        0,
        71,
        9,
        71,
        0,
        0,
        0);
    add(
        cases,
        "a shared prefix",
        heads,
        30,
        30,
        12,
        0,
        11,
        0,
        0,
        0,
        0,
        11,
        7,
        11,
        0,
        0,
        11,
        18,
        12,
        18,
        0,
        0,
        11);
    add(cases, "a few queries", heads, 5, 30, 3, 0, 3, 0, 9, 0, 0, 3, 2, 13, 4, 0, 13);
    addTwo(cases, new Heads(8, 1, 1), 7);
    addTwo(cases, new Heads(24, 4, 4), 33);
    addTwo(cases, new Heads(48, 8, 1), 31);
    addTwo(cases, new Heads(64, 4, 1), 129);
    addTwo(cases, new Heads(128, 2, 2), 127);
    addTwo(cases, new Heads(128, 8, 1), 65);
    addTwo(cases, new Heads(16, 2, 1), 300);
  }

  static void addTypical(List<OpsCase> cases) {
    addTwo(cases, new Heads(128, 8, 8), 512);
  }

  /** Sizes of heads. */
  private record Heads(int dim, int queries, int keys) {}

  /** A sequence of {@code length}, one of 1, one of {@code length} that sees a prefix of 3. */
  private static void addTwo(List<OpsCase> cases, Heads heads, int length) {
    add(
        cases,
        "sequences of " + length,
        heads,
        2 * length + 1,
        2 * length + 1,
        length,
        0,
        length,
        0,
        0,
        0,
        0,
        length,
        1,
        length,
        0,
        0,
        0,
        length + 1,
        length,
        length + 1,
        0,
        0,
        3);
  }

  private static void add(
      List<OpsCase> cases,
      String what,
      Heads heads,
      int queryRows,
      int keyRows,
      int maxQueries,
      int... segments) {
    String label =
        "%s, %d (%d) heads of %d".formatted(what, heads.queries(), heads.keys(), heads.dim());
    cases.add(
        new OpsCase(
            label, pair -> attention(pair, heads, queryRows, keyRows, maxQueries, segments)));
  }

  private static void attention(
      DevicePair pair, Heads heads, int queryRows, int keyRows, int maxQueries, int[] segments) {
    Both<Indices> ints = pair.indices(segments);
    int count = segments.length / AttentionLayout.INTS_PER_SEGMENT;
    long pairs = AttentionLayout.pairs(segments, count);
    Both<AttentionLayout> layout =
        new Both<>(
            "layout",
            new AttentionLayout(ints.expected(), count, queryRows, keyRows, maxQueries, pairs),
            new AttentionLayout(ints.actual(), count, queryRows, keyRows, maxQueries, pairs),
            0);
    int dim = heads.dim();
    Both<Matrix> q = pair.random("q", queryRows, heads.queries() * dim);
    Both<Matrix> k = pair.random("k", keyRows, heads.keys() * dim);
    Both<Matrix> v = pair.random("v", keyRows, heads.keys() * dim);
    Both<Matrix> out = pair.random("out", queryRows, heads.queries() * dim);
    Both<Matrix> lse = pair.floats("lse", heads.queries(), queryRows);
    pair.run(
        "attention",
        (ops, on) ->
            ops.attention(
                on.of(q), on.of(k), on.of(v), on.of(layout), dim, SCALE, on.of(out), on.of(lse)),
        out,
        lse.within(pair.computeTolerance()));
    Both<Matrix> dout = pair.random("dout", queryRows, heads.queries() * dim);
    Both<Matrix> delta = pair.floats("delta", heads.queries(), queryRows);
    Both<Matrix> dq = pair.random("dq", queryRows, heads.queries() * dim);
    Both<Matrix> dk = pair.random("dk", keyRows, heads.keys() * dim);
    Both<Matrix> dv = pair.random("dv", keyRows, heads.keys() * dim);
    pair.run(
        "attentionBackward",
        (ops, on) ->
            ops.attentionBackward(
                on.of(q),
                on.of(k),
                on.of(v),
                on.of(out),
                on.of(dout),
                on.of(lse),
                on.of(layout),
                dim,
                SCALE,
                on.of(delta),
                on.of(dq),
                on.of(dk),
                on.of(dv)),
        dq,
        dk,
        dv);
  }
}
