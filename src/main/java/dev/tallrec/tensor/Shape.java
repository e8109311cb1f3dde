package dev.tallrec.tensor;

import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/**
 * Dimensions of a tensor, outermost first. An empty list is a scalar.
 *
 * @param dimensions sizes, none negative
 */
public record Shape(List<Long> dimensions) {

  /**
   * @throws IllegalArgumentException if a dimension is negative or the element count exceeds a long
   */
  public Shape {
    dimensions = List.copyOf(dimensions);
    long count = 1;
    for (long dimension : dimensions) {
      if (dimension < 0) {
        throw new IllegalArgumentException("negative dimension in shape " + dimensions);
      }
      try {
        count = Math.multiplyExact(count, dimension);
      } catch (ArithmeticException e) {
        throw new IllegalArgumentException(
            "shape " + dimensions + " has more than 2^63 elements", e);
      }
    }
  }

  public static Shape of(long... dimensions) {
    return new Shape(Arrays.stream(dimensions).boxed().toList());
  }

  public int rank() {
    return dimensions.size();
  }

  public long dimension(int axis) {
    return dimensions.get(axis);
  }

  /** Number of elements: the product of all dimensions, 1 for a scalar. */
  public long elementCount() {
    return dimensions.stream().mapToLong(Long::longValue).reduce(1, (a, b) -> a * b);
  }

  @Override
  public String toString() {
    return dimensions.stream().map(String::valueOf).collect(Collectors.joining(", ", "[", "]"));
  }
}
