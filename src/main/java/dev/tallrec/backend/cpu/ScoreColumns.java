package dev.tallrec.backend.cpu;

import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/**
 * Scores of keys by a block of queries, a row for each key and a column for each of COLUMNS
 * queries: sums over keys are sums of vectors, and a product with values takes it as it is.
 *
 * <p>All queries see rows 0 to {@code base}; after that each sees one row more than the one before.
 */
final class ScoreColumns {

  private static final int LANES = Vectors.LANES;
  private static final int COLUMNS = TileKernel.COLUMNS;

  private float[] values = new float[0];

  /** Makes room for {@code keys} rows, and for the rest of the tile that the last is in. */
  float[] reserve(int keys) {
    int floats = (keys + TileKernel.ROWS) * COLUMNS;
    if (values.length < floats) {
      values = new float[floats];
    }
    return values;
  }

  float[] values() {
    return values;
  }

  /** Sets what queries do not see. */
  private void hide(int base, int keys, float value) {
    for (int key = base + 1; key < keys; key++) {
      int unseeing = Math.min(COLUMNS, key - base);
      Arrays.fill(values, key * COLUMNS, key * COLUMNS + unseeing, value);
    }
  }

  /** Sets to 0 what the last tile of rows has beyond {@code keys}: keys that no query here sees. */
  private void clearRest(int keys) {
    int whole = Math.ceilDiv(keys, TileKernel.ROWS) * TileKernel.ROWS;
    Arrays.fill(values, keys * COLUMNS, whole * COLUMNS, 0);
  }

  /**
   * Replaces scores by e to the power of their distance from the column's largest, which, divided
   * by the sum, are the softmax.
   *
   * @param maxima COLUMNS, written
   * @param sums COLUMNS, written
   */
  void exponentials(int base, int keys, float[] maxima, float[] sums) {
    hide(base, keys, Float.NEGATIVE_INFINITY);
    largest(values, keys, maxima);
    exponentiate(values, keys, maxima, sums);
    hide(base, keys, 0);
  }

  private static void largest(float[] scores, int keys, float[] maxima) {
    FloatVector left = FloatVector.broadcast(Vectors.FLOATS, Float.NEGATIVE_INFINITY);
    FloatVector right = left;
    for (int at = 0; at < keys * COLUMNS; at += COLUMNS) {
      left = VectorMath.max(left, FloatVector.fromArray(Vectors.FLOATS, scores, at));
      right = VectorMath.max(right, FloatVector.fromArray(Vectors.FLOATS, scores, at + LANES));
    }
    left.intoArray(maxima, 0);
    right.intoArray(maxima, LANES);
  }

  private static void exponentiate(float[] scores, int keys, float[] maxima, float[] sums) {
    FloatVector leftMax = FloatVector.fromArray(Vectors.FLOATS, maxima, 0);
    FloatVector rightMax = FloatVector.fromArray(Vectors.FLOATS, maxima, LANES);
    FloatVector leftSum = FloatVector.zero(Vectors.FLOATS);
    FloatVector rightSum = leftSum;
    for (int at = 0; at < keys * COLUMNS; at += COLUMNS) {
      FloatVector left = FloatVector.fromArray(Vectors.FLOATS, scores, at);
      FloatVector right = FloatVector.fromArray(Vectors.FLOATS, scores, at + LANES);
      left = VectorMath.exp(left.sub(leftMax));
      right = VectorMath.exp(right.sub(rightMax));
      left.intoArray(scores, at);
      right.intoArray(scores, at + LANES);
      leftSum = leftSum.add(left);
      rightSum = rightSum.add(right);
    }
    leftSum.intoArray(sums, 0);
    rightSum.intoArray(sums, LANES);
  }

  /**
   * Replaces scores by their softmax, and gradients of the softmax by those of the scores times
   * {@code scale}. What rows beyond those of {@code keys} have in the last tile is 0.
   *
   * @param gradients as many
   * @param lse log-sum-exp of each column, COLUMNS
   * @param delta sum of softmax times its gradient, of each column, COLUMNS
   */
  void softmaxAndGradient(
      ScoreColumns gradients, int base, int keys, float[] lse, float[] delta, float scale) {
    for (int column = 0; column < COLUMNS; column += LANES) {
      differentiate(values, gradients.values, column, keys, lse, delta, scale);
    }
    hide(base, keys, 0);
    gradients.hide(base, keys, 0);
    clearRest(keys);
    gradients.clearRest(keys);
  }

  private static void differentiate(
      float[] scores,
      float[] gradients,
      int column,
      int keys,
      float[] lse,
      float[] delta,
      float scale) {
    FloatVector shift = FloatVector.fromArray(Vectors.FLOATS, lse, column);
    FloatVector mean = FloatVector.fromArray(Vectors.FLOATS, delta, column);
    for (int key = 0; key < keys; key++) {
      int at = key * COLUMNS + column;
      FloatVector score = FloatVector.fromArray(Vectors.FLOATS, scores, at);
      FloatVector weight = VectorMath.exp(score.sub(shift));
      weight.intoArray(scores, at);
      FloatVector gradient = FloatVector.fromArray(Vectors.FLOATS, gradients, at);
      gradient.sub(mean).mul(weight).mul(scale).intoArray(gradients, at);
    }
  }
}
