package dev.tallrec.backend.cpu;

import dev.tallrec.backend.Buffer;
import dev.tallrec.backend.Device;
import dev.tallrec.backend.DeviceArena;
import dev.tallrec.backend.FrozenLinear;
import dev.tallrec.backend.Operands;
import dev.tallrec.backend.Ops;
import dev.tallrec.tensor.DType;
import dev.tallrec.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The machine's processors: compute in fp32, weights as they are stored, memory outside the heap;
 * on the heap only panels of weights that products of many rows read, where memory allows them.
 * Products with frozen weights may be made of bf16 factors, see {@link #inBFloat16}.
 */
public final class CpuDevice implements Device {

  private final WorkerPool pool;
  private final CpuOps ops;
  private final @Nullable OneDnn oneDnn;

  /**
   * A device that computes on {@code threads} threads, the calling one among them. The result of
   * every operation is the same to the bit for any number of them.
   *
   * @throws IllegalArgumentException if there are none
   */
  public CpuDevice(int threads) {
    this(threads, null);
  }

  private CpuDevice(int threads, @Nullable OneDnn oneDnn) {
    if (threads < 1) {
      throw new IllegalArgumentException("threads must be at least 1, not " + threads);
    }
    this.oneDnn = oneDnn;
    pool = new WorkerPool(threads);
    ops = new CpuOps(pool, oneDnn);
  }

  /**
   * A device that rounds both factors of products with frozen weights to bf16 and sums in fp32, by
   * oneDNN, except where there are three rows or fewer; all else, LoRA's products and lookups among
   * it, is as with {@link #CpuDevice(int)}. Weights that are not stored in bf16 get a copy that is.
   * Results are the same to the bit for any number of threads.
   *
   * @param library oneDNN's library; empty to look where the loader, conda and distributions have
   *     it
   * @throws IOException if there is no oneDNN that multiplies bf16 matrices on this CPU
   * @throws IllegalArgumentException if there are no threads
   */
  public static CpuDevice inBFloat16(int threads, Optional<Path> library) throws IOException {
    return new CpuDevice(threads, OneDnn.open(library));
  }

  /** A device with all processors that the JVM may use. */
  public static CpuDevice ofAllProcessors() {
    return new CpuDevice(Runtime.getRuntime().availableProcessors());
  }

  @Override
  public String description() {
    return "CPU, %d thread%s, %d-bit vectors%s"
        .formatted(
            pool.threads(),
            pool.threads() == 1 ? "" : "s",
            VectorMath.FLOATS.vectorBitSize(),
            oneDnn == null
                ? ""
                : ", products with frozen weights in BF16 by oneDNN " + oneDnn.version());
  }

  @Override
  public DType computeType() {
    return DType.F32;
  }

  @Override
  public DType productType() {
    return oneDnn == null ? DType.F32 : DType.BF16;
  }

  @Override
  public Ops ops() {
    return ops;
  }

  @Override
  public DeviceArena newArena() {
    return new HostArena(this);
  }

  /** See {@link HostMemory#available}. */
  @Override
  public long availableBytes() {
    return HostMemory.available();
  }

  @Override
  public void upload(MemorySegment source, Buffer target) {
    copy(source, HostBuffer.of(target));
  }

  @Override
  public void download(Buffer source, MemorySegment target) {
    copy(HostBuffer.of(source), target);
  }

  private static void copy(MemorySegment source, MemorySegment target) {
    Operands.sameSize(source.byteSize(), target.byteSize());
    target.copyFrom(source);
  }

  /** Operations are done when they return. */
  @Override
  public void synchronize() {}

  @Override
  public FrozenLinear loadLinear(DeviceArena arena, List<Tensor> parts) {
    return ops.load(arena, parts);
  }

  @Override
  public void close() {
    pool.close();
    ops.close();
  }
}
