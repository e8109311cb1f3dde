package dev.tallrec.safetensors;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.tallrec.files.AtomicFiles;
import dev.tallrec.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Writes safetensors files. */
public final class SafetensorsWriter {

  private static final int CHUNK = 1 << 26;

  private SafetensorsWriter() {}

  /**
   * Writes {@code tensors} to {@code target}, which keeps its old content until the new one is
   * complete.
   *
   * @param metadata for {@code __metadata__}; none is written if empty
   * @throws IllegalArgumentException if two tensors have one name
   */
  public static void write(Path target, Map<String, String> metadata, Collection<Tensor> tensors)
      throws IOException {
    // The order of the reference implementation: widest types first, so that all stay aligned.
    List<Tensor> ordered =
        tensors.stream()
            .sorted(
                Comparator.comparingInt((Tensor tensor) -> -tensor.dtype().byteSize())
                    .thenComparing(Tensor::name))
            .toList();
    byte[] header = header(metadata, ordered);
    AtomicFiles.replaceFile(
        target,
        aside -> {
          try (FileChannel channel = FileChannel.open(aside, StandardOpenOption.WRITE)) {
            ByteBuffer length = ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
            length.putLong(header.length).flip();
            writeFully(channel, length);
            writeFully(channel, ByteBuffer.wrap(header));
            for (Tensor tensor : ordered) {
              writeFully(channel, tensor.segment());
            }
          }
        });
  }

  private static byte[] header(Map<String, String> metadata, List<Tensor> tensors)
      throws IOException {
    JsonMapper mapper = new JsonMapper();
    ObjectNode root = mapper.createObjectNode();
    if (!metadata.isEmpty()) {
      ObjectNode node = root.putObject("__metadata__");
      metadata.forEach(node::put);
    }
    Set<String> names = new HashSet<>();
    long offset = 0;
    for (Tensor tensor : tensors) {
      if (!names.add(tensor.name())) {
        throw new IllegalArgumentException("two tensors are called " + tensor.name());
      }
      ObjectNode node = root.putObject(tensor.name());
      node.put("dtype", tensor.dtype().name());
      ArrayNode shape = node.putArray("shape");
      tensor.shape().dimensions().forEach(shape::add);
      node.putArray("data_offsets").add(offset).add(offset + tensor.segment().byteSize());
      offset += tensor.segment().byteSize();
    }
    byte[] json = mapper.writeValueAsBytes(root);
    byte[] padded = Arrays.copyOf(json, Math.ceilDiv(json.length, 8) * 8);
    Arrays.fill(padded, json.length, padded.length, (byte) ' ');
    return padded;
  }

  /** What takes a tensor's place in a copy. */
  @FunctionalInterface
  public interface Replacement {
    /**
     * Other values of the same dtype and shape; none to copy the tensor as it is.
     *
     * @param arena open until they are written
     */
    Optional<Tensor> of(TensorInfo tensor, Arena arena) throws IOException;
  }

  /**
   * Writes a file anew with other values for some of its tensors, one in memory at a time. Header,
   * order and all other bytes stay. The target keeps its old content until the new one is complete.
   *
   * @throws IllegalArgumentException if a replacement is of another dtype or shape
   */
  public static void copy(SafetensorsFile source, Path target, Replacement replacement)
      throws IOException {
    AtomicFiles.replaceFile(
        target,
        aside -> {
          try (FileChannel channel = FileChannel.open(aside, StandardOpenOption.WRITE)) {
            writeFully(channel, source.start());
            for (TensorInfo info : source.tensors()) {
              try (Arena arena = Arena.ofShared()) {
                Optional<Tensor> other = replacement.of(info, arena);
                other.ifPresent(tensor -> checkReplaces(tensor, info));
                writeFully(channel, other.map(Tensor::segment).orElseGet(() -> source.bytes(info)));
              }
            }
          }
        });
  }

  private static void checkReplaces(Tensor tensor, TensorInfo info) {
    if (!tensor.dtype().name().equals(info.dtype()) || !tensor.shape().equals(info.shape())) {
      throw new IllegalArgumentException(
          "%s %s %s does not replace %s %s"
              .formatted(info.name(), tensor.dtype(), tensor.shape(), info.dtype(), info.shape()));
    }
  }

  private static void writeFully(FileChannel channel, MemorySegment bytes) throws IOException {
    long size = bytes.byteSize();
    for (long from = 0; from < size; from += CHUNK) {
      writeFully(channel, bytes.asSlice(from, Math.min(CHUNK, size - from)).asByteBuffer());
    }
  }

  private static void writeFully(FileChannel channel, ByteBuffer bytes) throws IOException {
    while (bytes.hasRemaining()) {
      channel.write(bytes);
    }
  }
}
