package dev.tallrec.baselines;

import java.util.Arrays;
import java.util.List;

/**
 * Vectors that a language model makes of items' titles, one for each item of a catalog.
 *
 * @param width channels of a vector
 * @param values [items * width]
 */
public record ItemFeatures(int width, float[] values) {

  /** Of one vector an item, all of the same length. */
  static ItemFeatures of(List<float[]> vectors) {
    int width = vectors.getFirst().length;
    float[] values = new float[vectors.size() * width];
    for (int i = 0; i < vectors.size(); i++) {
      System.arraycopy(vectors.get(i), 0, values, i * width, width);
    }
    return new ItemFeatures(width, values);
  }

  /**
   * The same, centred over the items and scaled to a mean square length of 1: one scale, whichever
   * model they come from.
   */
  ItemFeatures standardized() {
    int items = values.length / width;
    float[] result = values.clone();
    double squares = 0;
    for (int channel = 0; channel < width; channel++) {
      double sum = 0;
      for (int item = 0; item < items; item++) {
        sum += values[item * width + channel];
      }
      float mean = (float) (sum / items);
      for (int item = 0; item < items; item++) {
        int at = item * width + channel;
        result[at] -= mean;
        squares += (double) result[at] * result[at];
      }
    }
    double scale = squares == 0 ? 1 : Math.sqrt(items / squares);
    for (int i = 0; i < result.length; i++) {
      result[i] = (float) (result[i] * scale);
    }
    return new ItemFeatures(width, result);
  }

  /** The values with a row of zeros after them, for the padding item. */
  float[] withPadding() {
    return Arrays.copyOf(values, values.length + width);
  }
}
