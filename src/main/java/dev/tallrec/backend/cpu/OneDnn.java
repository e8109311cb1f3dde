package dev.tallrec.backend.cpu;

import dev.tallrec.backend.LibraryPath;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * oneDNN's product of bf16 matrices with fp32 sums, in the library that the user has: the Vector
 * API does not reach the instruction it takes (vdpbf16ps).
 */
final class OneDnn {

  private static final List<String> NAMES = List.of("libdnnl.so.3", "libdnnl.so.2", "libdnnl.so");
  private static final String PRODUCT = "dnnl_gemm_bf16bf16f32";

  // dnnl_version_t: three ints, a pointer, the CPU's runtime and the GPU's.
  private static final long VERSION_BYTES = 32;
  private static final long CPU_RUNTIME = 24;
  private static final int OPENMP = 2;
  private static final int TBB = 4;

  // Bits of dnnl_cpu_isa_t that every instruction set from these on has.
  private static final int AVX512 = 0x20;
  private static final int AVX512_BF16 = 0x80;

  private static final int SUCCESS = 0;

  private static final ValueLayout.OfByte CHAR = ValueLayout.JAVA_BYTE;
  private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG;
  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT;
  private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT;
  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;

  // Pointers go as numbers: there are too many products to make an object for each operand.
  private static final FunctionDescriptor PRODUCT_TYPE =
      FunctionDescriptor.of(
          INT, CHAR, CHAR, LONG, LONG, LONG, FLOAT, LONG, LONG, LONG, LONG, FLOAT, LONG, LONG);

  private final String version;
  private final MethodHandle product;
  private final @Nullable MethodHandle setThreads;

  private OneDnn(String version, MethodHandle product, @Nullable MethodHandle setThreads) {
    this.version = version;
    this.product = product;
    this.setThreads = setThreads;
  }

  /**
   * Loads the library and makes a product, so that what does not work fails now.
   *
   * @param file the library; empty to look for it
   * @throws IOException if there is none, or none that multiplies bf16 matrices on this CPU
   */
  static OneDnn open(Optional<Path> file) throws IOException {
    if (file.isPresent()) {
      return open(file.get());
    }
    for (String name : NAMES) {
      Optional<SymbolLookup> symbols = byName(name);
      if (symbols.isPresent()) {
        return bind(name, symbols.get());
      }
    }
    List<Path> places =
        places(
            System.getenv("LD_LIBRARY_PATH"),
            System.getenv("CONDA_PREFIX"),
            System.getenv("VIRTUAL_ENV"));
    Optional<Path> found = find(places);
    if (found.isEmpty()) {
      throw new IOException(missing(places));
    }
    return open(found.get());
  }

  private static OneDnn open(Path file) throws IOException {
    Path absolute = file.toAbsolutePath();
    if (!Files.isRegularFile(absolute)) {
      throw new IOException("oneDNN's library " + file + " is not a file");
    }
    SymbolLookup symbols;
    try {
      symbols = SymbolLookup.libraryLookup(absolute, Arena.global());
    } catch (IllegalArgumentException e) {
      throw new IOException(file + " cannot be loaded: " + reason(absolute, e), e);
    }
    return bind(file.toString(), symbols);
  }

  /** What the loader says; a lookup keeps that to itself. */
  private static @Nullable String reason(Path library, IllegalArgumentException failure) {
    try {
      System.load(library.toString());
    } catch (UnsatisfiedLinkError e) {
      return e.getMessage();
    }
    return failure.getMessage();
  }

  /** What the loader finds under that name: by LD_LIBRARY_PATH, or among the system's libraries. */
  private static Optional<SymbolLookup> byName(String name) {
    try {
      return Optional.of(SymbolLookup.libraryLookup(name, Arena.global()));
    } catch (IllegalArgumentException e) {
      return Optional.empty();
    }
  }

  /**
   * Directories where conda, pip and distributions put it, in the order they are searched. The
   * loader's own are among them: what it finds but cannot load, it does not name.
   */
  static List<Path> places(
      @Nullable String libraryPath, @Nullable String condaPrefix, @Nullable String virtualEnv) {
    List<Path> places = LibraryPath.directories(libraryPath);
    for (String prefix : Arrays.asList(condaPrefix, virtualEnv)) {
      if (prefix != null) {
        places.add(Path.of(prefix, "lib"));
      }
    }
    for (String directory :
        List.of("/usr/local/lib", "/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib")) {
      places.add(Path.of(directory));
    }
    return places;
  }

  /** The newest version in the first place that has any. */
  static Optional<Path> find(List<Path> places) {
    return places.stream()
        .flatMap(place -> NAMES.stream().map(place::resolve))
        .filter(Files::isRegularFile)
        .findFirst();
  }

  static String missing(List<Path> places) {
    return "found none of "
        + NAMES
        + ", oneDNN's library, which BF16 on the CPU needs. Asked the loader and looked in "
        + places
        + ". Install it (apt install libdnnl3, or conda install -c conda-forge onednn) and, if it is elsewhere, name it with --onednn";
  }

  private static OneDnn bind(String library, SymbolLookup symbols) throws IOException {
    try {
      Linker linker = Linker.nativeLinker();
      MemorySegment version = version(linker, symbols);
      int runtime = version.get(INT, CPU_RUNTIME);
      String name =
          "%d.%d.%d".formatted(version.get(INT, 0), version.get(INT, 4), version.get(INT, 8));
      if (runtime == TBB) {
        throw new IOException(
            "oneDNN %s (%s) is built on TBB, whose threads would get in the way of ours: take a build on OpenMP"
                .formatted(name, library));
      }
      int instructions = instructions(linker, symbols);
      if ((instructions & AVX512) == 0) {
        throw new IOException(
            "oneDNN %s (%s) has no fast product of bf16 matrices for this CPU: it takes one with AVX-512"
                .formatted(name, library));
      }
      // In the OpenMP library that oneDNN itself uses: looked up by way of it.
      MethodHandle setThreads =
          runtime == OPENMP
              ? linker.downcallHandle(
                  symbols.findOrThrow("omp_set_num_threads"), FunctionDescriptor.ofVoid(INT))
              : null;
      OneDnn opened =
          new OneDnn(
              (instructions & AVX512_BF16) == 0 ? name + ", emulated without AVX512_BF16" : name,
              linker.downcallHandle(symbols.findOrThrow(PRODUCT), PRODUCT_TYPE),
              setThreads);
      opened.check(library);
      return opened;
    } catch (NoSuchElementException e) {
      throw new IOException(
          "%s is not a oneDNN that this program can use: %s".formatted(library, e.getMessage()), e);
    }
  }

  private static MemorySegment version(Linker linker, SymbolLookup symbols) {
    MethodHandle version =
        linker.downcallHandle(
            symbols.findOrThrow("dnnl_version"), FunctionDescriptor.of(ValueLayout.ADDRESS));
    try {
      return ((MemorySegment) version.invokeExact()).reinterpret(VERSION_BYTES);
    } catch (Throwable e) {
      throw new IllegalStateException("dnnl_version", e);
    }
  }

  /** What oneDNN takes this CPU for; without AVX-512 its product is a plain loop. */
  private static int instructions(Linker linker, SymbolLookup symbols) {
    MethodHandle instructions =
        linker.downcallHandle(
            symbols.findOrThrow("dnnl_get_effective_cpu_isa"), FunctionDescriptor.of(INT));
    try {
      return (int) instructions.invokeExact();
    } catch (Throwable e) {
      throw new IllegalStateException("dnnl_get_effective_cpu_isa", e);
    }
  }

  /** [1 2 3; 4 5 6] times the transpose of [1 0 1; 2 1 0], added to ones. */
  private void check(String library) throws IOException {
    try (Arena arena = Arena.ofShared()) {
      MemorySegment a = bFloat16(arena, 1, 2, 3, 4, 5, 6);
      MemorySegment b = bFloat16(arena, 1, 0, 1, 2, 1, 0);
      MemorySegment c = arena.allocateFrom(FLOAT, 1, 1, 1, 1);
      int status = call(true, 2, 2, 3, a.address(), 3, b.address(), 3, true, c.address(), 2);
      float[] sums = c.toArray(FLOAT);
      if (status != SUCCESS || !Arrays.equals(sums, new float[] {5, 5, 11, 14})) {
        throw new IOException(
            "oneDNN %s (%s) does not multiply bf16 matrices: status %d, sums %s"
                .formatted(version, library, status, Arrays.toString(sums)));
      }
    }
  }

  private static MemorySegment bFloat16(Arena arena, float... values) {
    MemorySegment segment = arena.allocate(SHORT, values.length);
    for (int i = 0; i < values.length; i++) {
      segment.setAtIndex(SHORT, i, (short) (Float.floatToIntBits(values[i]) >>> 16));
    }
    return segment;
  }

  /** "3.6.2", and whether it does without the CPU's instruction. */
  String version() {
    return version;
  }

  /**
   * C (+)= A B, or A B^T, on the calling thread alone. All matrices are row-major.
   *
   * @param transposed whether B is given as its transpose
   * @param m rows of A and C
   * @param n columns of C
   * @param k columns of A
   * @param a bf16, its first element at byte {@code aAt}, rows {@code lda} elements apart
   * @param b bf16 [k, n], or [n, k] if transposed
   * @param accumulate whether the product is added to C
   * @param c fp32
   * @throws IndexOutOfBoundsException if a matrix does not lie within its memory
   * @throws IllegalStateException if memory is not alive any more, or oneDNN fails
   */
  void multiply(
      boolean transposed,
      int m,
      int n,
      int k,
      MemorySegment a,
      long aAt,
      long lda,
      MemorySegment b,
      long bAt,
      long ldb,
      boolean accumulate,
      MemorySegment c,
      long cAt,
      long ldc) {
    long left = address(a, aAt, m, k, lda, Short.BYTES);
    long right =
        transposed
            ? address(b, bAt, n, k, ldb, Short.BYTES)
            : address(b, bAt, k, n, ldb, Short.BYTES);
    long sums = address(c, cAt, m, n, ldc, Float.BYTES);
    int status = call(transposed, m, n, k, left, lda, right, ldb, accumulate, sums, ldc);
    if (status != SUCCESS) {
      throw new IllegalStateException(
          "oneDNN: status %d from a product of %d x %d x %d".formatted(status, m, n, k));
    }
  }

  /** Where a matrix begins, once it is clear that it lies within its memory. */
  private static long address(
      MemorySegment segment, long at, int rows, int columns, long stride, int elementBytes) {
    if (rows < 1 || columns < 1 || stride < columns) {
      throw new IndexOutOfBoundsException(
          "%d x %d, rows %d apart".formatted(rows, columns, stride));
    }
    long bytes = Math.multiplyExact((rows - 1) * stride + columns, elementBytes);
    Objects.checkFromIndexSize(at, bytes, segment.byteSize());
    if (!segment.isNative() || !segment.scope().isAlive()) {
      throw new IllegalStateException("memory is on the heap or given back already");
    }
    return segment.address() + at;
  }

  private int call(
      boolean transposed,
      long m,
      long n,
      long k,
      long a,
      long lda,
      long b,
      long ldb,
      boolean accumulate,
      long c,
      long ldc) {
    try {
      if (setThreads != null) {
        // A setting of the calling thread; made each time since any thread may drive a device.
        setThreads.invokeExact(1);
      }
      return (int)
          product.invokeExact(
              (byte) 'N',
              (byte) (transposed ? 'T' : 'N'),
              m,
              n,
              k,
              1f,
              a,
              lda,
              b,
              ldb,
              accumulate ? 1f : 0f,
              c,
              ldc);
    } catch (Throwable e) {
      throw new IllegalStateException(PRODUCT, e);
    }
  }
}
