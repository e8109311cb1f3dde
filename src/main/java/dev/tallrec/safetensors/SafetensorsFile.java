package dev.tallrec.safetensors;

import dev.tallrec.tensor.DType;
import dev.tallrec.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** An open safetensors file, mapped into memory. Owner of the mapping; tensors are views of it. */
public final class SafetensorsFile implements AutoCloseable {

  private static final ValueLayout.OfLong LENGTH =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final long LARGEST_HEADER = 100_000_000;
  private static final String LFS_POINTER = "version https://git-lfs";

  private final Path path;
  private final Arena arena;
  private final MemorySegment start;
  private final MemorySegment data;
  private final List<TensorInfo> tensors;
  private final Map<String, String> metadata;
  private final Map<String, TensorInfo> byName = new LinkedHashMap<>();

  private SafetensorsFile(
      Path path, Arena arena, MemorySegment all, long headerBytes, HeaderParser.Header header) {
    this.path = path;
    this.arena = arena;
    this.start = all.asSlice(0, Long.BYTES + headerBytes);
    this.data = all.asSlice(Long.BYTES + headerBytes);
    this.tensors = header.tensors();
    this.metadata = header.metadata();
    tensors.forEach(tensor -> byName.put(tensor.name(), tensor));
  }

  /**
   * Maps {@code path} and checks its header.
   *
   * @throws SafetensorsException if the file breaks a rule of the format
   */
  public static SafetensorsFile open(Path path) throws IOException {
    if (!Files.isRegularFile(path)) {
      throw new SafetensorsException(path + " is not a file");
    }
    Arena arena = Arena.ofShared();
    try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
      long size = channel.size();
      if (size < Long.BYTES) {
        throw new SafetensorsException(
            path + " has " + size + " bytes: too short for a header; fetch it again");
      }
      MemorySegment all = channel.map(FileChannel.MapMode.READ_ONLY, 0, size, arena);
      long headerBytes = all.get(LENGTH, 0);
      if (headerBytes < 0 || headerBytes > LARGEST_HEADER || headerBytes > size - Long.BYTES) {
        throw new SafetensorsException(
            "%s: %s"
                .formatted(
                    path,
                    isLfsPointer(all)
                        ? "is a Git LFS pointer, not the file itself: run git lfs pull"
                        : "its header claims %s bytes of a file of %d: truncated, or not safetensors"
                            .formatted(Long.toUnsignedString(headerBytes), size)));
      }
      byte[] header = all.asSlice(Long.BYTES, headerBytes).toArray(ValueLayout.JAVA_BYTE);
      long dataBytes = size - Long.BYTES - headerBytes;
      return new SafetensorsFile(
          path, arena, all, headerBytes, HeaderParser.parse(path, header, dataBytes));
    } catch (IOException | RuntimeException | Error e) {
      arena.close();
      throw e;
    }
  }

  private static boolean isLfsPointer(MemorySegment all) {
    byte[] start =
        all.asSlice(0, Math.min(all.byteSize(), LFS_POINTER.length()))
            .toArray(ValueLayout.JAVA_BYTE);
    return new String(start, StandardCharsets.ISO_8859_1).equals(LFS_POINTER);
  }

  /** All tensors in the order of their bytes. */
  public List<TensorInfo> tensors() {
    return tensors;
  }

  /** The header's {@code __metadata__}. */
  public Map<String, String> metadata() {
    return metadata;
  }

  public boolean contains(String name) {
    return byName.containsKey(name);
  }

  /**
   * A view of the tensor, valid until this file is closed.
   *
   * @throws SafetensorsException if there is no such tensor, or it is of a dtype we do not know
   */
  public Tensor tensor(String name) throws SafetensorsException {
    TensorInfo info = byName.get(name);
    if (info == null) {
      throw new SafetensorsException(path + " has no tensor " + name);
    }
    DType dtype =
        DType.named(info.dtype())
            .orElseThrow(() ->
                new SafetensorsException(
                    path + ": tensor " + name + " is of unknown dtype " + info.dtype()));
    return new Tensor(name, dtype, info.shape(), bytes(info));
  }

  /** The bytes before the first tensor's: the header's length and the header. */
  MemorySegment start() {
    return start;
  }

  /** A tensor's bytes, of whatever dtype. */
  MemorySegment bytes(TensorInfo info) {
    return data.asSlice(info.begin(), info.byteSize());
  }

  public Path path() {
    return path;
  }

  @Override
  public void close() {
    arena.close();
  }
}
