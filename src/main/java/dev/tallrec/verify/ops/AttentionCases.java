package dev.tallrec.verify.ops;

import dev.tallrec.backend.AttentionLayout;
import dev.tallrec.backend.Indices;
import dev.tallrec.backend.Matrix;
import dev.tallrec.backend.RopeTable;
import java.util.List;
import java.util.stream.IntStream;

/** Attention and its gradient: heads of many sizes, packed sequences, shared prefixes. */
final class AttentionCases {

  private static final Numbers ORDINARY = new Numbers(1, 1, 0.5f);

  // Of what outputs are filled with: errors are relative to the largest number, and between rows it
  // stays.
  private static final double BEFORE = 1e-5;

  private static final int TABLE_ROWS = 13;

  private AttentionCases() {}

  static void addOdd(List<OpsCase> cases) {
    Heads heads = new Heads(20, 6, 2);
    // More than a block, a single token, a few.
    add(
        cases,
        "packed sequences",
        heads,
        80,
        Segment.sequence(0, 70),
        Segment.sequence(70, 1),
        Segment.sequence(71, 9));
    add(
        cases,
        "a shared prefix",
        heads,
        30,
        Segment.sequence(0, 11),
        Segment.sequence(11, 7).behindPrefix(0, 11),
        Segment.sequence(18, 12).behindPrefix(0, 11));
    // Keys 19 to 29 are nobody's.
    add(
        cases,
        "a few queries",
        heads,
        30,
        Segment.lastOf(0, 12, 0, 3),
        Segment.lastOf(13, 6, 3, 2).behindPrefix(0, 13));
    // Queries see so many keys about as much that the gradients of scores, times the scale, are
    // among fp16's subnormal numbers.
    add(
        cases,
        "small gradients",
        new Heads(128, 2, 1),
        new Numbers(4, 3e-3, 0.01f),
        200,
        Segment.lastOf(0, 200, 0, 40));
    add(cases, "many sequences", new Heads(20, 4, 2), 5 + 3 * 70, many(5, 70, 3));
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

  /**
   * Sizes of heads.
   *
   * @param dim elements of a head
   * @param queries heads of q
   * @param keys heads of k and v
   */
  private record Heads(int dim, int queries, int keys) {}

  /**
   * What inputs are made of.
   *
   * @param qk largest element of queries and keys
   * @param dout largest element of the outputs' gradient
   * @param scale on scores
   */
  private record Numbers(double qk, double dout, float scale) {}

  /** A segment; its parts are those of {@link AttentionLayout}. */
  private record Segment(
      int queryStart,
      int queryCount,
      int keyStart,
      int causalOffset,
      int prefixStart,
      int prefixLength) {

    /** A whole sequence of {@code length}, whose rows are the same in q and in k. */
    static Segment sequence(int start, int length) {
      return new Segment(start, length, start, 0, 0, 0);
    }

    /**
     * The last {@code queryCount} queries, in rows {@code queryStart} on of q, of a sequence of
     * {@code length} in rows {@code keyStart} on of k.
     */
    static Segment lastOf(int keyStart, int length, int queryStart, int queryCount) {
      return new Segment(queryStart, queryCount, keyStart, length - queryCount, 0, 0);
    }

    /** The same that sees {@code length} rows of k besides its own, from {@code start} on. */
    Segment behindPrefix(int start, int length) {
      return new Segment(queryStart, queryCount, keyStart, causalOffset, start, length);
    }

    /** In the order that {@link AttentionLayout} wants. */
    IntStream ints() {
      return IntStream.of(
          queryStart, queryCount, keyStart, causalOffset, prefixStart, prefixLength);
    }
  }

  /** A sequence of {@code length}, one of 1, one of {@code length} that sees a prefix of 3. */
  private static void addTwo(List<OpsCase> cases, Heads heads, int length) {
    add(
        cases,
        "sequences of " + length,
        heads,
        2 * length + 1,
        Segment.sequence(0, length),
        Segment.sequence(length, 1),
        Segment.sequence(length + 1, length).behindPrefix(0, 3));
  }

  /**
   * A prefix and behind it {@code count} sequences of {@code length}, every other one of which sees
   * it.
   */
  private static Segment[] many(int prefix, int count, int length) {
    Segment[] all = new Segment[1 + count];
    all[0] = Segment.sequence(0, prefix);
    for (int i = 0; i < count; i++) {
      Segment one = Segment.sequence(prefix + i * length, length);
      all[1 + i] = i % 2 == 0 ? one : one.behindPrefix(0, prefix);
    }
    return all;
  }

  private static void add(
      List<OpsCase> cases, String what, Heads heads, int keyRows, Segment... segments) {
    add(cases, what, heads, ORDINARY, keyRows, segments);
  }

  private static void add(
      List<OpsCase> cases,
      String what,
      Heads heads,
      Numbers numbers,
      int keyRows,
      Segment... segments) {
    String label =
        "%s, %d (%d) heads of %d".formatted(what, heads.queries(), heads.keys(), heads.dim());
    List<Segment> all = List.of(segments);
    cases.add(new OpsCase(label, pair -> attention(pair, heads, numbers, keyRows, all)));
  }

  private static AttentionLayout layout(
      Indices ints, List<Segment> segments, int keyRows, long pairs) {
    int queryRows = segments.stream().mapToInt(Segment::queryCount).sum();
    int maxQueries = segments.stream().mapToInt(Segment::queryCount).max().orElse(0);
    return new AttentionLayout(ints, segments.size(), queryRows, keyRows, maxQueries, pairs);
  }

  private static void attention(
      DevicePair pair, Heads heads, Numbers numbers, int keyRows, List<Segment> segments) {
    int[] ofSegments = segments.stream().flatMapToInt(Segment::ints).toArray();
    long pairs = AttentionLayout.pairs(ofSegments, segments.size());
    Both<Indices> ints = pair.indices(ofSegments);
    Both<AttentionLayout> layout =
        new Both<>(
            "layout",
            layout(ints.expected(), segments, keyRows, pairs),
            layout(ints.actual(), segments, keyRows, pairs),
            0);
    int queryRows = layout.expected().queryRows();
    int dim = heads.dim();
    Both<Matrix> q = pair.scaled("q", queryRows, heads.queries() * dim, numbers.qk());
    Both<Matrix> k = pair.scaled("k", keyRows, heads.keys() * dim, numbers.qk());
    Both<Matrix> v = pair.random("v", keyRows, heads.keys() * dim);
    Both<Matrix> out = pair.random("out", queryRows, heads.queries() * dim);
    Both<Matrix> lse = pair.floats("lse", heads.queries(), queryRows);
    pair.run(
        "attention",
        (ops, on) ->
            ops.attention(
                on.of(q),
                on.of(k),
                on.of(v),
                on.of(layout),
                dim,
                numbers.scale(),
                on.of(out),
                on.of(lse)),
        out,
        lse.within(pair.computeTolerance()));
    Both<Matrix> dout = pair.scaled("dout", queryRows, heads.queries() * dim, numbers.dout());
    Both<Matrix> delta = pair.floats("delta", heads.queries(), queryRows);
    Both<Matrix> dq = pair.scaled("dq", queryRows, heads.queries() * dim, BEFORE);
    Both<Matrix> dk = pair.scaled("dk", keyRows, heads.keys() * dim, BEFORE);
    Both<Matrix> dv = pair.scaled("dv", keyRows, heads.keys() * dim, BEFORE);
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
                numbers.scale(),
                on.of(delta),
                on.of(dq),
                on.of(dk),
                on.of(dv)),
        dq,
        dk,
        dv);
    Both<Indices> queryPositions = pair.indices(positions(queryRows));
    Both<Indices> keyPositions = pair.indices(positions(keyRows));
    Both<Matrix> cos = pair.floats("cos", TABLE_ROWS, dim / 2);
    Both<Matrix> sin = pair.floats("sin", TABLE_ROWS, dim / 2);
    pair.run(
        "ropeAttentionBackward",
        (ops, on) ->
            ops.ropeAttentionBackward(
                on.of(q),
                on.of(k),
                on.of(v),
                on.of(out),
                on.of(dout),
                on.of(lse),
                on.of(layout),
                dim,
                numbers.scale(),
                on.of(delta),
                on.of(queryPositions),
                on.of(keyPositions),
                new RopeTable(on.of(cos), on.of(sin)),
                on.of(dq),
                on.of(dk),
                on.of(dv)),
        dq,
        dk,
        dv);
  }

  /** A position for each row, in no order. */
  private static int[] positions(int rows) {
    return IntStream.range(0, rows).map(row -> row * 7 % TABLE_ROWS).toArray();
  }
}
