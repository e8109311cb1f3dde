package dev.tallrec.llama;

import dev.tallrec.tensor.DType;
import dev.tallrec.tensor.Shape;
import dev.tallrec.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;

/**
 * Zeros of a model's shapes, for devices that do not look at them: all the same bytes of a file of
 * nothing but a hole, which take neither disk nor memory until somebody does.
 */
public final class PlannedWeights implements WeightSource, AutoCloseable {

  private final Arena arena = Arena.ofShared();
  private final Map<String, Shape> shapes;
  private final DType dtype;
  private final MemorySegment zeros;

  /**
   * Zeros of all tensors that {@code config} demands.
   *
   * @throws IOException if there cannot be such a file in the directory for temporary ones
   */
  public PlannedWeights(LlamaConfig config, DType dtype) throws IOException {
    this.shapes = config.expectedTensors();
    this.dtype = dtype;
    long elements = shapes.values().stream().mapToLong(Shape::elementCount).max().orElseThrow();
    Path file = Files.createTempFile("tallrec-planned-", ".zeros");
    try (FileChannel channel =
        FileChannel.open(
            file,
            StandardOpenOption.READ,
            StandardOpenOption.WRITE,
            StandardOpenOption.DELETE_ON_CLOSE)) {
      long bytes = Math.multiplyExact(elements, dtype.byteSize());
      channel.write(ByteBuffer.allocate(1), bytes - 1);
      zeros = channel.map(FileChannel.MapMode.READ_ONLY, 0, bytes, arena);
    }
  }

  @Override
  public Tensor tensor(String name) throws IOException {
    Shape shape = shapes.get(name);
    if (shape == null) {
      throw new IOException("the model has no " + name);
    }
    return new Tensor(
        name, dtype, shape, zeros.asSlice(0, shape.elementCount() * dtype.byteSize()));
  }

  @Override
  public void close() {
    arena.close();
  }
}
