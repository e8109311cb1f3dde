package dev.tallrec.backend.cuda;

import dev.tallrec.backend.Buffer;
import dev.tallrec.backend.Cleanup;
import dev.tallrec.backend.Device;
import dev.tallrec.backend.DeviceArena;
import dev.tallrec.backend.FrozenLinear;
import dev.tallrec.backend.Operands;
import dev.tallrec.backend.Ops;
import dev.tallrec.backend.profile.ProfiledDevice;
import dev.tallrec.tensor.DType;
import dev.tallrec.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** A CUDA device. */
public final class CudaDevice implements Device {

  /** Weights that need another type go through the device in pieces of so many bytes. */
  private static final long STAGING_BYTES = 64L << 20;

  // An event before a kernel is passed as soon as the GPU comes to it, whether or not the kernel
  // has been asked for by then.
  private static final String LAUNCHES_COUNT =
      "A kernel's time begins when the GPU is ready for it: where the GPU runs out of work, as with a small model, it is rather that of"
          + " the launch.";

  private final CudaDriver driver;
  private final DType computeType;
  private final CudaOps ops;

  CudaDevice(CudaDriver driver, DType computeType) {
    this.driver = driver;
    this.computeType = computeType;
    this.ops = new CudaOps(driver, computeType);
  }

  /**
   * Opens a GPU.
   *
   * @param ordinal number of the device, from 0
   * @param computeType F16, BF16 or F32
   * @throws CudaUnavailableException saying what is missing and what to do
   */
  public static CudaDevice open(int ordinal, DType computeType) throws CudaUnavailableException {
    return new CudaDevice(JCudaGpu.open(ordinal), computeType);
  }

  /**
   * Opens a GPU that takes the time of every kernel and every product itself, without waiting for
   * any.
   *
   * @param ordinal number of the device, from 0
   * @param computeType F16, BF16 or F32
   * @throws CudaUnavailableException saying what is missing and what to do
   */
  public static ProfiledDevice openProfiled(int ordinal, DType computeType)
      throws CudaUnavailableException {
    return profiled(JCudaGpu.open(ordinal), computeType);
  }

  /**
   * A GPU that need not be there: it is asked for everything that a real one would be, computes
   * nothing, and tells the least time that each kernel and product can take on one.
   *
   * @param computeType F16, BF16 or F32
   */
  public static ProfiledDevice planned(GpuModel gpu, DType computeType) {
    return profiled(new PlannedDriver(gpu, computeType), computeType);
  }

  static ProfiledDevice profiled(CudaDriver driver, DType computeType) {
    TimedDriver timed = new TimedDriver(driver);
    return new ProfiledDevice(
        new CudaDevice(timed, computeType), timed::takeEvents, List.of(LAUNCHES_COUNT));
  }

  @Override
  public String description() {
    return driver.description() + ", computing in " + computeType;
  }

  @Override
  public DType computeType() {
    return computeType;
  }

  @Override
  public Ops ops() {
    return ops;
  }

  @Override
  public DeviceArena newArena() {
    return new CudaArena(driver);
  }

  @Override
  public int bestProductSize() {
    return 8192;
  }

  @Override
  public long availableBytes() {
    return driver.freeBytes();
  }

  @Override
  public void upload(MemorySegment source, Buffer target) {
    Operands.sameSize(source.byteSize(), target.byteSize());
    if (source.byteSize() > 0) {
      driver.copyToDevice(source, CudaBuffer.of(target).address());
    }
  }

  @Override
  public void download(Buffer source, MemorySegment target) {
    Operands.sameSize(source.byteSize(), target.byteSize());
    if (source.byteSize() > 0) {
      driver.copyToHost(CudaBuffer.of(source).address(), target);
    }
  }

  @Override
  public void synchronize() {
    driver.synchronize();
  }

  @Override
  public FrozenLinear loadLinear(DeviceArena arena, List<Tensor> parts) {
    Operands.layer(parts);
    int inFeatures = Math.toIntExact(parts.getFirst().shape().dimension(1));
    DType stored = parts.getFirst().dtype();
    long outFeatures = 0;
    for (Tensor part : parts) {
      outFeatures += part.shape().dimension(0);
    }
    long bytes = Math.multiplyExact(outFeatures * inFeatures, computeType.byteSize());
    CudaBuffer all = CudaBuffer.of(arena.allocate(bytes, parts.getFirst().name()));
    long target = all.address();
    for (Tensor part : parts) {
      if (stored == computeType) {
        driver.copyToDevice(part.segment(), target);
      } else {
        convert(part, target);
      }
      target += part.shape().elementCount() * computeType.byteSize();
    }
    return new CudaLinear(all.address(), Math.toIntExact(outFeatures), inFeatures, computeType);
  }

  private void convert(Tensor part, long target) {
    long size = part.segment().byteSize();
    long piece = Math.min(STAGING_BYTES, size);
    long staging = driver.allocate(Math.max(1, piece), "weights on their way");
    try {
      for (long from = 0; from < size; from += piece) {
        long bytes = Math.min(piece, size - from);
        driver.copyToDevice(part.segment().asSlice(from, bytes), staging);
        ops.convert(
            part.dtype(),
            staging,
            target + from / part.dtype().byteSize() * computeType.byteSize(),
            bytes / part.dtype().byteSize());
      }
    } catch (RuntimeException | Error e) {
      Cleanup.after(e, () -> driver.free(staging));
      throw e;
    }
    driver.free(staging);
  }

  @Override
  public void close() {
    ops.close();
    driver.close();
  }
}
