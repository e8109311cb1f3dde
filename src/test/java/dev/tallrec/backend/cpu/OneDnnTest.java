package dev.tallrec.backend.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tallrec.tensor.DType;
import dev.tallrec.testing.OneDnnLibrary;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OneDnnTest {

  @TempDir private Path directory;

  @Test
  void saysWhatItIs() {
    try (CpuDevice device = OneDnnLibrary.device(1)) {
      assertThat(device.description())
          .startsWith("CPU, 1 thread, ")
          .contains("products with frozen weights in BF16 by oneDNN 3.");
      assertThat(device.computeType()).isEqualTo(DType.F32);
      assertThat(device.productType()).isEqualTo(DType.BF16);
    }
  }

  @Test
  void namesAFileThatIsNotThereOrNoLibrary() throws IOException {
    Path missing = directory.resolve("libdnnl.so.3");
    assertThatThrownBy(() -> OneDnn.open(Optional.of(missing)))
        .isInstanceOf(IOException.class)
        .hasMessageContaining(missing.toString())
        .hasMessageContaining("not a file");
    Path text = Files.writeString(directory.resolve("text.so"), "not a library");
    assertThatThrownBy(() -> OneDnn.open(Optional.of(text)))
        .isInstanceOf(IOException.class)
        .hasMessageContaining(text + " cannot be loaded: ");
  }

  @Test
  void namesALibraryThatIsNotOneDnn() {
    Path other = Path.of(System.getProperty("java.home"), "lib", "libzip.so");
    assertThatThrownBy(() -> OneDnn.open(Optional.of(other)))
        .isInstanceOf(IOException.class)
        .hasMessageContaining(other + " is not a oneDNN")
        .hasMessageContaining("dnnl_version");
  }

  @Test
  void looksWhereLoaderCondaAndDistributionsHaveIt() throws IOException {
    List<Path> places = OneDnn.places("/a::/b", directory.toString(), null);
    assertThat(places)
        .startsWith(Path.of("/a"), Path.of("/b"), directory.resolve("lib"))
        .contains(Path.of("/usr/lib64"));
    assertThat(OneDnn.missing(places))
        .contains("libdnnl.so.3", "the loader", directory.toString(), "apt install")
        .contains("conda install", "--onednn");
    Path lib = Files.createDirectory(directory.resolve("lib"));
    assertThat(OneDnn.find(List.of(lib))).isEmpty();
    Path older = Files.createFile(lib.resolve("libdnnl.so.2"));
    assertThat(OneDnn.find(places)).contains(older);
    Path newer = Files.createFile(lib.resolve("libdnnl.so.3"));
    assertThat(OneDnn.find(places)).contains(newer);
  }

  @Test
  void neverLetsNativeCodeBeyondMemory() throws IOException {
    OneDnn oneDnn = OneDnn.open(Optional.of(OneDnnLibrary.file()));
    MemorySegment gone;
    try (Arena arena = Arena.ofShared()) {
      gone = arena.allocate(1024);
    }
    try (Arena arena = Arena.ofShared()) {
      MemorySegment room = arena.allocate(4 * 4 * Float.BYTES, 64);
      MemorySegment heap = MemorySegment.ofArray(new float[16]);
      assertThatThrownBy(() -> multiply(oneDnn, 5, 4, room, room, room))
          .isInstanceOf(IndexOutOfBoundsException.class);
      assertThatThrownBy(() -> multiply(oneDnn, 4, 3, room, room, room))
          .isInstanceOf(IndexOutOfBoundsException.class);
      assertThatThrownBy(() -> multiply(oneDnn, 4, 4, room, gone, room))
          .isInstanceOf(IllegalStateException.class);
      assertThatThrownBy(() -> multiply(oneDnn, 4, 4, room, room, heap))
          .isInstanceOf(IllegalStateException.class);
    }
  }

  /** size x 4 times 4 x 4, rows {@code stride} apart. */
  private static void multiply(
      OneDnn oneDnn, int rows, int stride, MemorySegment a, MemorySegment b, MemorySegment c) {
    oneDnn.multiply(false, rows, 4, 4, a, 0, stride, b, 0, stride, false, c, 0, stride);
  }
}
