package dev.tallrec.safetensors;

import dev.tallrec.tensor.Shape;

/**
 * What a header says of a tensor.
 *
 * @param name unique in its file
 * @param dtype as written in the header, perhaps one we do not know
 * @param shape dimensions
 * @param begin first byte, counted from the end of the header
 * @param end byte after the last
 */
public record TensorInfo(String name, String dtype, Shape shape, long begin, long end) {

  public long byteSize() {
    return end - begin;
  }
}
