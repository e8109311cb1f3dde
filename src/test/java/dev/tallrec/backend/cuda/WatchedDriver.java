package dev.tallrec.backend.cuda;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;

/**
 * The emulated device with every access to memory watched: a launch fails if two threads touch the
 * same memory unordered, one of them writing, or if shared memory is read that nobody has written.
 */
final class WatchedDriver extends ForwardingDriver {

  /**
   * What an instruction of a kernel did with memory.
   *
   * @param isShared whether with shared memory, whose pieces are turns of its banks; those of
   *     global memory are 32 bytes each
   * @param bytes a lane
   * @param code where it is in the library
   * @param requests of a warp
   * @param pieces that these came to
   * @param leastPieces that lanes with as many different bytes need
   */
  record Traffic(
      String kernel,
      boolean isShared,
      boolean isWrite,
      int bytes,
      String code,
      long requests,
      long pieces,
      long leastPieces) {

    private static Traffic parse(String line) {
      String[] fields = line.split("\t");
      return new Traffic(
          fields[0],
          fields[1].equals("shared"),
          fields[2].equals("write"),
          Integer.parseInt(fields[3]),
          fields[4],
          Long.parseLong(fields[5]),
          Long.parseLong(fields[6]),
          Long.parseLong(fields[7]));
    }
  }

  private final Path library;
  private final boolean multiplies;
  private List<Traffic> traffic = List.of();

  /**
   * A driver.
   *
   * @param multiplies whether products are made, or left out for speed
   */
  WatchedDriver(Path library, long capacity, boolean multiplies) {
    super(new EmulatedDriver(library, 0, capacity));
    this.library = library;
    this.multiplies = multiplies;
  }

  static Path library() {
    return EmulatedDriver.library().resolveSibling("libtallrec_watched.so");
  }

  @Override
  public void gemm(Gemm gemm) {
    if (multiplies) {
      super.gemm(gemm);
    }
  }

  /** All that kernels did, once this is closed. */
  List<Traffic> traffic() {
    return traffic;
  }

  /** Takes what the library, which may outlive its driver, knows of this one's kernels. */
  @Override
  public void close() {
    traffic = take();
    super.close();
  }

  private List<Traffic> take() {
    try (Arena arena = Arena.ofShared()) {
      MethodHandle write =
          Linker.nativeLinker()
              .downcallHandle(
                  SymbolLookup.libraryLookup(library, arena).findOrThrow("tallrec_watched_traffic"),
                  FunctionDescriptor.of(
                      ValueLayout.JAVA_LONG, ValueLayout.ADDRESS, ValueLayout.JAVA_LONG));
      long bytes = (long) write.invokeExact(MemorySegment.NULL, 0L);
      MemorySegment text = arena.allocate(bytes);
      if ((long) write.invokeExact(text, bytes) != bytes) {
        throw new IllegalStateException("kernels ran meanwhile");
      }
      return new String(text.toArray(ValueLayout.JAVA_BYTE), StandardCharsets.US_ASCII)
          .lines()
          .map(Traffic::parse)
          .toList();
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }
}
