package dev.tallrec.baselines;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.ndarray.types.SparseFormat;
import org.jspecify.annotations.Nullable;

/**
 * Vectors of a history's items: a learned one by number, features of the title where there are any,
 * and the like flag as last channel.
 */
final class ItemEmbedding {

  private static final double DEVIATION = 0.01;

  private final NDArray table;
  private final @Nullable NDArray features;
  private final int padding;
  private final int width;

  /**
   * An embedding.
   *
   * @param width of the learned part and the flag
   */
  ItemEmbedding(Weights weights, int items, int width, @Nullable ItemFeatures features) {
    this.table = weights.normal("items", DEVIATION, items + 1L, width - 1L);
    this.padding = items;
    if (features == null) {
      this.features = null;
      this.width = width;
    } else {
      this.features = weights.frozen(features.withPadding(), items + 1L, features.width());
      this.width = width + features.width();
    }
  }

  /** Channels of a vector. */
  int width() {
    return width;
  }

  /** [batch, LENGTH, width] of {@code batch}. */
  NDArray of(NDManager step, Sequences batch) {
    Shape shape = new Shape(batch.rows(), Sequences.LENGTH);
    NDArray items = step.create(batch.items(), shape);
    NDArray likes = step.create(batch.likes(), shape).expandDims(2);
    NDList parts = new NDList(rows(items, table));
    if (features != null) {
      parts.add(rows(items, features));
    }
    parts.add(likes);
    // What stands for a missing history is zero in all channels.
    NDArray present = items.neq(padding).expandDims(2).toType(likes.getDataType(), false);
    return NDArrays.concat(parts, 2).mul(present);
  }

  private static NDArray rows(NDArray items, NDArray table) {
    return items
        .getNDArrayInternal()
        .embedding(items, table, SparseFormat.DENSE)
        .singletonOrThrow();
  }
}
