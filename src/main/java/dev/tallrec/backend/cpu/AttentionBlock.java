package dev.tallrec.backend.cpu;

import dev.tallrec.backend.Matrix;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * Attention of a head of keys and values and the heads of queries that share it, within a segment,
 * by blocks of as many queries as a tile has columns. Scores are computed key-major, S^T = K Q^T,
 * so that softmax goes along vectors of queries and S^T is the right factor of O^T = V^T P^T as it
 * is. Each thread has one, set anew for each piece of work.
 */
final class AttentionBlock {

  private static final int ROWS = TileKernel.ROWS;
  private static final int COLUMNS = TileKernel.COLUMNS;

  private final AttentionSegment segment = new AttentionSegment();
  private final HeadPanel keyRows = new HeadPanel();
  private final HeadPanel keyPanels = new HeadPanel();
  private final HeadPanel valueRows = new HeadPanel();
  private final HeadPanel valuePanels = new HeadPanel();
  private final HeadPanel queryColumns = new HeadPanel();
  private final HeadPanel queryBlock = new HeadPanel();
  private final HeadPanel gradientColumns = new HeadPanel();
  private final HeadPanel gradientBlock = new HeadPanel();
  private final ScoreColumns scores = new ScoreColumns();
  private final ScoreColumns scoreGradients = new ScoreColumns();
  private final float[] maxima = new float[COLUMNS];
  private final float[] sums = new float[COLUMNS];
  private final float[] factors = new float[COLUMNS];
  private final float[] ones = new float[COLUMNS];
  private final float[] logSumExps = new float[COLUMNS];
  private final float[] deltas = new float[COLUMNS];
  private float[] result = new float[0];
  private float[] keyGradients = new float[0];
  private float[] valueGradients = new float[0];
  private int gradientRows;
  private int headDim;
  private float scale;
  private int keyColumn;

  AttentionBlock() {
    Arrays.fill(ones, 1);
  }

  AttentionSegment segment() {
    return segment;
  }

  /** Sets the sizes of heads, and which columns of k and v to work with. */
  void setHead(int columns, float factor, int columnOfKeys) {
    headDim = columns;
    scale = factor;
    keyColumn = columnOfKeys;
    int floats = (headDim + PanelKernel.ROWS) * COLUMNS;
    if (result.length < floats) {
      result = new float[floats];
    }
  }

  /**
   * Queries {@code from} to {@code to}, exclusive, of the segment, of heads that share the keys.
   */
  void forward(
      int from,
      int to,
      int firstHead,
      int endHead,
      Matrix q,
      Matrix k,
      Matrix v,
      Matrix out,
      Matrix lse) {
    int keys = segment.keysSeenBy(to - 1);
    addRows(keyRows, k, keys);
    addRows(valueRows, v, keys);
    valuePanels.setPanels(valueRows, keys, headDim);
    for (int head = firstHead; head < endHead; head++) {
      for (int query = from; query < to; query += COLUMNS) {
        block(query, Math.min(to, query + COLUMNS), head, q, out, lse);
      }
    }
  }

  private void addRows(HeadPanel panel, Matrix matrix, int keys) {
    int prefix = segment.prefixLength();
    panel.reserveRows(keys, headDim);
    panel.addRows(matrix, segment.prefixStart(), prefix, keyColumn, headDim, 0);
    panel.addRows(matrix, segment.keyStart(), keys - prefix, keyColumn, headDim, prefix);
  }

  private void block(int from, int to, int head, Matrix q, Matrix out, Matrix lse) {
    int first = segment.queryStart() + from;
    int count = to - from;
    int column = head * headDim;
    int keys = segment.keysSeenBy(to - 1);
    queryColumns.setBlockTransposed(q, first, count, column, headDim, scale);
    product(keyRows, keys, queryColumns.values(), headDim, scores.reserve(keys));
    scores.exponentials(segment.keysSeenBy(from) - 1, keys, maxima, sums);
    productOfPanels(valuePanels, scores.values(), keys);
    for (int i = 0; i < count; i++) {
      factors[i] = 1 / sums[i];
      float value = maxima[i] + (float) Math.log(sums[i]);
      Vectors.set(HostBuffer.of(lse), Vectors.at(lse, head), first + i, value);
    }
    HeadPanel.storeTransposed(result, factors, out, first, count, column, headDim);
  }

  /** out = the first {@code rows} rows of the left factor times [depths, COLUMNS]. */
  private static void product(HeadPanel left, int rows, float[] right, int depths, float[] out) {
    for (int row = 0; row < rows; row += ROWS) {
      int at = row * left.stride();
      TileKernel.kernel(
          left.values(), at, left.stride(), right, 0, depths, false, out, row * COLUMNS);
    }
  }

  /** The result = the panels' headDim rows times [depths, COLUMNS]. */
  private void productOfPanels(HeadPanel left, float[] right, int depths) {
    for (int row = 0; row < headDim; row += PanelKernel.ROWS) {
      int at = row / PanelKernel.ROWS * left.stride();
      PanelKernel.kernel(left.values(), at, right, 0, depths, result, row * COLUMNS);
    }
  }

  /** Packs the segment's keys and values for {@link #backward}, and begins their gradients. */
  void prepareBackward(Matrix k, Matrix v) {
    int keys = segment.keysSeenBy(segment.queryCount() - 1);
    addRows(keyRows, k, keys);
    keyPanels.setPanels(keyRows, keys, headDim);
    addRows(valueRows, v, keys);
    gradientRows = keys + ROWS;
    int floats = Math.ceilDiv(headDim, COLUMNS) * gradientRows * COLUMNS;
    if (keyGradients.length < floats) {
      keyGradients = new float[floats];
      valueGradients = new float[floats];
    }
    Arrays.fill(keyGradients, 0, floats, 0);
    Arrays.fill(valueGradients, 0, floats, 0);
  }

  /**
   * Gradients of all of the segment's queries of a head, and what they add to those of keys and
   * values.
   */
  void backward(int head, Matrix q, Matrix out, Matrix dout, Matrix lse, Matrix delta, Matrix dq) {
    for (int from = 0; from < segment.queryCount(); from += COLUMNS) {
      int first = segment.queryStart() + from;
      int count = Math.min(segment.queryCount() - from, COLUMNS);
      int column = head * headDim;
      int keys = segment.keysSeenBy(from + count - 1);
      rowSums(first, count, head, out, dout, lse, delta);
      queryColumns.setBlockTransposed(q, first, count, column, headDim, scale);
      gradientColumns.setBlockTransposed(dout, first, count, column, headDim, 1);
      product(keyRows, keys, queryColumns.values(), headDim, scores.reserve(keys));
      product(valueRows, keys, gradientColumns.values(), headDim, scoreGradients.reserve(keys));
      int base = segment.keysSeenBy(from) - 1;
      scores.softmaxAndGradient(scoreGradients, base, keys, logSumExps, deltas, scale);
      productOfPanels(keyPanels, scoreGradients.values(), keys);
      HeadPanel.storeTransposed(result, ones, dq, first, count, column, headDim);
      queryBlock.setBlock(q, first, count, column, headDim);
      gradientBlock.setBlock(dout, first, count, column, headDim);
      addProduct(scoreGradients, queryBlock, count, keys, keyGradients);
      addProduct(scores, gradientBlock, count, keys, valueGradients);
    }
  }

  /** delta = row sums of out * dout; zeros and log-sum-exps of 0 where the block has no query. */
  private void rowSums(
      int first, int count, int head, Matrix out, Matrix dout, Matrix lse, Matrix delta) {
    MemorySegment os = HostBuffer.of(out);
    MemorySegment ds = HostBuffer.of(dout);
    long column = (long) head * headDim * Float.BYTES;
    Arrays.fill(deltas, 0);
    Arrays.fill(logSumExps, 0);
    for (int i = 0; i < count; i++) {
      int row = first + i;
      deltas[i] =
          Vectors.dot(
              os, Vectors.at(out, row) + column, ds, Vectors.at(dout, row) + column, headDim);
      Vectors.set(HostBuffer.of(delta), Vectors.at(delta, head), row, deltas[i]);
      logSumExps[i] = Vectors.get(HostBuffer.of(lse), Vectors.at(lse, head), row);
    }
  }

  /** gradients += weights x the block's rows: what they give to every key. */
  private void addProduct(
      ScoreColumns weights, HeadPanel rows, int count, int keys, float[] gradients) {
    for (int d = 0; d < headDim; d += COLUMNS) {
      int first = d / COLUMNS * gradientRows;
      for (int key = 0; key < keys; key += ROWS) {
        int tileAt = (first + key) * COLUMNS;
        TileKernel.kernel(
            weights.values(),
            key * COLUMNS,
            COLUMNS,
            rows.values(),
            d * COLUMNS,
            count,
            true,
            gradients,
            tileAt);
      }
    }
  }

  /** Adds the gradients of the segment's keys and values to those of other segments. */
  void finishBackward(Matrix dk, Matrix dv) {
    addGradients(keyGradients, dk);
    addGradients(valueGradients, dv);
  }

  private void addGradients(float[] gradients, Matrix target) {
    int prefix = segment.prefixLength();
    int own = segment.keysSeenBy(segment.queryCount() - 1) - prefix;
    addGradients(gradients, 0, prefix, segment.prefixStart(), target);
    addGradients(gradients, prefix, own, segment.keyStart(), target);
  }

  private void addGradients(float[] gradients, int from, int count, int row, Matrix target) {
    MemorySegment memory = HostBuffer.of(target);
    for (int d = 0; d < headDim; d += COLUMNS) {
      int width = Math.min(COLUMNS, headDim - d);
      int tileAt = (d / COLUMNS * gradientRows + from) * COLUMNS;
      long at = target.offset() + (long) row * target.stride() + keyColumn + d;
      TileKernel.store(gradients, tileAt, memory, at, target.stride(), count, width, true);
    }
  }
}
