package dev.tallrec.backend.cuda;

import dev.tallrec.backend.DeviceMemoryException;
import dev.tallrec.tensor.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.SplittableRandom;

/**
 * CUDA on the CPU, for tests: the same kernels compiled by g++, run block by block. Every
 * allocation lies between canaries, which are checked after every launch and are NaN in every
 * floating-point type: what is written beyond an end is found, what is read there spoils the
 * result.
 */
final class EmulatedDriver implements CudaDriver {

  /** Where the build puts the library, or says that it could not make it. */
  private static final String LIBRARY_PROPERTY = "tallrec.emulated.library";

  private static final int CANARY_BYTES = 4096;
  private static final int MOST_ARGUMENTS = 64;
  private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG;

  private record Allocation(
      Arena arena, MemorySegment whole, MemorySegment canaries, String label) {}

  private final Arena arena = Arena.ofShared();
  private final Map<Long, Allocation> allocations = new LinkedHashMap<>();
  private final MethodHandle launch;
  private final MethodHandle multiply;
  private final int order;
  private final long capacity;
  private final SplittableRandom random = new SplittableRandom(1);
  private final Set<HostEvent> events = new HashSet<>();
  private final Map<String, MemorySegment> names = new HashMap<>();
  private final MemorySegment argumentValues = arena.allocate(LONG, MOST_ARGUMENTS);
  private final MemorySegment argumentPointers =
      arena.allocate(ValueLayout.ADDRESS, MOST_ARGUMENTS);
  private long launches;

  /**
   * A driver.
   *
   * @param order 0: blocks and threads from the first on; 1: from the last
   * @param capacity bytes of device memory
   */
  EmulatedDriver(int order, long capacity) {
    this(library(), order, capacity);
  }

  EmulatedDriver(Path library, int order, long capacity) {
    this.order = order;
    this.capacity = capacity;
    for (int i = 0; i < MOST_ARGUMENTS; i++) {
      argumentPointers.setAtIndex(
          ValueLayout.ADDRESS, i, argumentValues.asSlice(i * LONG.byteSize()));
    }
    SymbolLookup symbols = SymbolLookup.libraryLookup(library, arena);
    Linker linker = Linker.nativeLinker();
    launch =
        linker.downcallHandle(
            symbols.findOrThrow("tallrec_emulated_launch"),
            FunctionDescriptor.of(
                ValueLayout.ADDRESS,
                ValueLayout.ADDRESS,
                ValueLayout.JAVA_INT,
                ValueLayout.JAVA_INT,
                ValueLayout.JAVA_INT,
                ValueLayout.JAVA_INT,
                ValueLayout.ADDRESS,
                ValueLayout.JAVA_INT));
    multiply =
        linker.downcallHandle(
            symbols.findOrThrow("tallrec_emulated_gemm"),
            FunctionDescriptor.ofVoid(
                ValueLayout.JAVA_INT,
                ValueLayout.JAVA_INT,
                ValueLayout.JAVA_INT,
                ValueLayout.JAVA_INT,
                ValueLayout.JAVA_INT,
                LONG,
                LONG,
                LONG,
                LONG,
                ValueLayout.JAVA_INT,
                LONG,
                LONG));
  }

  /** Whether the build could make the library: it needs g++ on x86-64. */
  static boolean isAvailable() {
    return Files.exists(library());
  }

  static Path library() {
    return Path.of(
        System.getProperty(LIBRARY_PROPERTY, "../native-kernels/target/libtallrec_emulated.so"));
  }

  /** Kernels launched so far. */
  long launches() {
    return launches;
  }

  @Override
  public String description() {
    return "emulated CUDA device";
  }

  @Override
  public long allocate(long bytes, String label) {
    if (bytes > freeBytes()) {
      throw new DeviceMemoryException(
          label + " needs " + bytes + " bytes, " + freeBytes() + " are free");
    }
    Arena own = Arena.ofShared();
    MemorySegment whole = own.allocate(bytes + 2L * CANARY_BYTES, 256);
    MemorySegment canaries = own.allocate(2L * CANARY_BYTES, 8);
    for (long half = 0; half < CANARY_BYTES; half++) {
      canaries.setAtIndex(
          ValueLayout.JAVA_SHORT, half, (short) (0x7F80 | (1 + random.nextInt(0x3F))));
    }
    MemorySegment.copy(canaries, 0, whole, 0, CANARY_BYTES);
    MemorySegment.copy(canaries, CANARY_BYTES, whole, CANARY_BYTES + bytes, CANARY_BYTES);
    long address = whole.address() + CANARY_BYTES;
    allocations.put(address, new Allocation(own, whole, canaries, label));
    return address;
  }

  @Override
  public void free(long address) {
    Allocation allocation = allocations.remove(address);
    if (allocation == null) {
      throw new IllegalStateException("freed what was not allocated");
    }
    check(allocation, "free");
    allocation.arena.close();
  }

  private static void check(Allocation allocation, String after) {
    long bytes = allocation.whole.byteSize() - 2L * CANARY_BYTES;
    check(allocation, after, 0, 0);
    check(allocation, after, CANARY_BYTES, CANARY_BYTES + bytes);
  }

  private static void check(Allocation allocation, String after, long canary, long from) {
    long changed =
        MemorySegment.mismatch(
            allocation.canaries,
            canary,
            canary + CANARY_BYTES,
            allocation.whole,
            from,
            from + CANARY_BYTES);
    if (changed >= 0) {
      throw new IllegalStateException(
          after
              + " wrote outside of "
              + allocation.label
              + ", at byte "
              + (from + changed - CANARY_BYTES));
    }
  }

  @Override
  public long freeBytes() {
    return capacity - allocations.values().stream().mapToLong(a -> a.whole.byteSize()).sum();
  }

  /** The memory from {@code address} on, which must lie in one allocation. */
  private MemorySegment at(long address, long bytes) {
    for (Allocation allocation : allocations.values()) {
      long start = allocation.whole.address() + CANARY_BYTES;
      long end = allocation.whole.address() + allocation.whole.byteSize() - CANARY_BYTES;
      if (address >= start && address + bytes <= end) {
        return allocation.whole.asSlice(address - allocation.whole.address(), bytes);
      }
    }
    throw new IllegalStateException("copying to or from memory that is not allocated");
  }

  @Override
  public void copyToDevice(MemorySegment source, long target) {
    at(target, source.byteSize()).copyFrom(source);
  }

  @Override
  public void copyToHost(long source, MemorySegment target) {
    target.copyFrom(at(source, target.byteSize()));
  }

  @Override
  public void launch(String kernel, Grid grid, int threads, Object... arguments) {
    try {
      for (int i = 0; i < arguments.length; i++) {
        MemorySegment value = argumentValues.asSlice(i * LONG.byteSize(), LONG);
        switch (arguments[i]) {
          case Span span -> value.set(LONG, 0, span.address());
          case Long number -> value.set(LONG, 0, number);
          case Integer number -> value.set(ValueLayout.JAVA_INT, 0, number);
          case Float number -> value.set(ValueLayout.JAVA_FLOAT, 0, number);
          default -> throw new IllegalArgumentException("argument " + arguments[i]);
        }
      }
      MemorySegment failure =
          (MemorySegment)
              launch.invokeExact(
                  names.computeIfAbsent(kernel, arena::allocateFrom),
                  grid.x(),
                  grid.y(),
                  grid.z(),
                  threads,
                  argumentPointers,
                  order);
      if (failure.address() != 0) {
        throw new IllegalStateException(kernel + ": " + failure.reinterpret(1000).getString(0));
      }
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
    launches++;
    allocations.values().forEach(allocation -> check(allocation, kernel));
  }

  private void check(Operand matrix, int rows, int columns, DType type) {
    at(matrix.address(), ((rows - 1) * matrix.stride() + columns) * type.byteSize());
  }

  @Override
  public void gemm(Gemm gemm) {
    DType type = gemm.type();
    check(gemm.a(), gemm.m(), gemm.k(), type);
    check(
        gemm.b(),
        gemm.transposeB() ? gemm.n() : gemm.k(),
        gemm.transposeB() ? gemm.k() : gemm.n(),
        type);
    check(gemm.c(), gemm.m(), gemm.n(), type);
    int code = type == DType.F32 ? 0 : type == DType.F16 ? 1 : 2;
    try {
      multiply.invokeExact(
          code,
          gemm.m(),
          gemm.n(),
          gemm.k(),
          gemm.transposeB() ? 1 : 0,
          gemm.a().address(),
          gemm.a().stride(),
          gemm.b().address(),
          gemm.b().stride(),
          gemm.accumulate() ? 1 : 0,
          gemm.c().address(),
          gemm.c().stride());
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  @Override
  public void synchronize() {}

  /** By the host's clock: work is done when it is asked for. */
  private final class HostEvent implements TimingEvent {
    private OptionalLong passed = OptionalLong.empty();

    @Override
    public void record() {
      passed = OptionalLong.of(System.nanoTime());
    }

    @Override
    public long nanosSince(TimingEvent earlier) {
      return passed.orElseThrow() - ((HostEvent) earlier).passed.orElseThrow();
    }

    @Override
    public void close() {
      if (!events.remove(this)) {
        throw new IllegalStateException("destroyed an event twice");
      }
    }
  }

  @Override
  public TimingEvent newEvent() {
    HostEvent event = new HostEvent();
    events.add(event);
    return event;
  }

  /** Events that were made and not given back. */
  int liveEvents() {
    return events.size();
  }

  @Override
  public void close() {
    if (!events.isEmpty()) {
      throw new IllegalStateException("not destroyed: " + events.size() + " events");
    }
    if (!allocations.isEmpty()) {
      throw new IllegalStateException(
          "not freed: " + allocations.values().stream().map(Allocation::label).toList());
    }
    arena.close();
  }
}
