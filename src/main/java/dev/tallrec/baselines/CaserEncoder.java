package dev.tallrec.baselines;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.Shape;
import java.util.ArrayList;
import java.util.List;

/** Convolutions over a history seen as an image: items down, channels across. */
final class CaserEncoder implements Encoder {

  private static final int[] HEIGHTS = {2, 3, 4};
  private static final int FILTERS = 16;
  private static final double BIAS = 0.1;
  private static final Shape STRIDE = new Shape(1, 1);
  private static final Shape NO_PADDING = new Shape(0, 0);
  private static final Shape NO_DILATION = new Shape(1, 1);

  /** A convolution's filters and biases. */
  private record Convolution(NDArray filters, NDArray bias) {

    NDArray of(NDArray image) {
      return image
          .getNDArrayInternal()
          .convolution(image, filters, bias, STRIDE, NO_PADDING, NO_DILATION, 1)
          .singletonOrThrow()
          .getNDArrayInternal()
          .relu();
    }
  }

  private final List<Convolution> horizontal = new ArrayList<>();
  private final Convolution vertical;
  private final int channels;
  private final double dropout;

  CaserEncoder(Weights weights, int channels, double dropout) {
    this.channels = channels;
    this.dropout = dropout;
    for (int height : HEIGHTS) {
      horizontal.add(convolution(weights, "horizontal" + height, FILTERS, height, channels));
    }
    vertical = convolution(weights, "vertical", 1, Sequences.LENGTH, 1);
  }

  private static Convolution convolution(
      Weights weights, String name, int filters, int height, int width) {
    // Glorot and Bengio's normal start, as the authors' code has it.
    double deviation = Math.sqrt(2.0 / (height * width * (1 + filters)));
    return new Convolution(
        weights.normal(name + ".filters", deviation, filters, 1, height, width),
        weights.constant(name + ".bias", BIAS, filters));
  }

  @Override
  public NDArray encode(NDArray history, boolean training) {
    NDArray image = history.expandDims(1);
    long batch = history.getShape().get(0);
    NDList parts = new NDList();
    for (Convolution convolution : horizontal) {
      parts.add(convolution.of(image).reshape(batch, FILTERS, -1).max(new int[] {2}));
    }
    parts.add(vertical.of(image).reshape(batch, channels));
    return Encoder.dropout(NDArrays.concat(parts, 1), dropout, training);
  }

  @Override
  public int width() {
    return HEIGHTS.length * FILTERS + channels;
  }
}
