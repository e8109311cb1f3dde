package dev.tallrec.backend.cuda;

import static jcuda.driver.JCudaDriver.cuCtxSetCurrent;
import static jcuda.driver.JCudaDriver.cuDeviceGet;
import static jcuda.driver.JCudaDriver.cuDeviceGetAttribute;
import static jcuda.driver.JCudaDriver.cuDeviceGetCount;
import static jcuda.driver.JCudaDriver.cuDeviceGetName;
import static jcuda.driver.JCudaDriver.cuDevicePrimaryCtxRelease;
import static jcuda.driver.JCudaDriver.cuDevicePrimaryCtxRetain;
import static jcuda.driver.JCudaDriver.cuDriverGetVersion;
import static jcuda.driver.JCudaDriver.cuInit;
import static jcuda.driver.JCudaDriver.cuLaunchKernel;
import static jcuda.driver.JCudaDriver.cuMemAlloc;
import static jcuda.driver.JCudaDriver.cuMemFree;
import static jcuda.driver.JCudaDriver.cuMemGetInfo;
import static jcuda.driver.JCudaDriver.cuMemcpyDtoH;
import static jcuda.driver.JCudaDriver.cuMemsetD8Async;
import static jcuda.driver.JCudaDriver.cuStreamCreate;
import static jcuda.driver.JCudaDriver.cuStreamDestroy;
import static jcuda.driver.JCudaDriver.cuStreamSynchronize;

import dev.tallrec.backend.Cleanup;
import dev.tallrec.backend.DeviceMemoryException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import jcuda.CudaException;
import jcuda.Pointer;
import jcuda.cudaDataType;
import jcuda.driver.CUcontext;
import jcuda.driver.CUdevice;
import jcuda.driver.CUdevice_attribute;
import jcuda.driver.CUresult;
import jcuda.driver.CUstream;
import jcuda.driver.CUstream_flags;
import jcuda.driver.JCudaDriver;
import jcuda.jcublas.JCublas2;
import jcuda.jcublas.cublasHandle;
import jcuda.jcublas.cublasMath;
import jcuda.jcublas.cublasOperation;
import jcuda.runtime.cudaStream_t;

/**
 * CUDA through JCuda and JCublas: one device, one stream, one cuBLAS handle with a workspace of its
 * own.
 */
final class JCudaGpu implements CudaDriver {

  private static final String DRIVER = "libcuda.so.1";
  // cublasComputeType_t and cublasGemmAlgo_t.
  private static final int COMPUTE_32F = 68;
  private static final int GEMM_DEFAULT = -1;
  private static final long CUBLAS_WORKSPACE = 32L << 20;
  private static final long COPY_PIECE = 1L << 30;

  // As the driver's own CUDA_LAUNCH_BLOCKING: every launch is waited for, so that an error names
  // its kernel.
  private static final boolean WAITS = "1".equals(System.getenv("CUDA_LAUNCH_BLOCKING"));

  private final CUdevice device;
  private final CUstream stream = new CUstream();
  private final cublasHandle cublas = new cublasHandle();
  private final KernelModules kernels;
  private final PinnedStaging staging;
  private final LaunchArguments launchArguments = new LaunchArguments();
  private final NavigableMap<Long, DevicePointer> allocations = new TreeMap<>();
  private final Pointer one = Pointer.to(new float[] {1});
  private final Pointer zero = Pointer.to(new float[] {0});
  private final long workspace;
  private final String description;

  private JCudaGpu(CUdevice device, CublasLibrary.Found library) throws CudaUnavailableException {
    this.device = device;
    kernels = new KernelModules(driverVersion());
    cuStreamCreate(stream, CUstream_flags.CU_STREAM_NON_BLOCKING);
    startCublas(library);
    JCublas2.cublasSetStream(cublas, new cudaStream_t(stream));
    staging = new PinnedStaging(stream);
    workspace = allocate(CUBLAS_WORKSPACE, "cuBLAS workspace");
    JCublas2.cublasSetWorkspace(cublas, pointer(workspace), CUBLAS_WORKSPACE);
    description = describe(library);
  }

  private void startCublas(CublasLibrary.Found library) throws CudaUnavailableException {
    // Asked before: an error may stay, and then answers this question, too.
    long free = freeBytes();
    try {
      JCublas2.setExceptionsEnabled(true);
      JCublas2.cublasCreate(cublas);
      // Else products in half precision may be summed in pieces, and the pieces in half precision.
      JCublas2.cublasSetMathMode(
          cublas, cublasMath.CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION);
    } catch (UnsatisfiedLinkError | NoClassDefFoundError | ExceptionInInitializerError e) {
      throw new CudaUnavailableException(
          "JCublas does not start with " + library.library() + ": " + CudaErrors.reason(e), e);
    } catch (CudaException e) {
      throw new CudaUnavailableException(
          ("cuBLAS (%s) does not start: %s. Of the GPU's memory %,d bytes are free: nvidia-smi shows who uses it. If that is enough, the driver,"
                  + " which is for CUDA %s, may be too old for this cuBLAS: install a newer driver, or the cuBLAS of its CUDA")
              .formatted(library.library(), e.getMessage(), free, cudaVersion(driverVersion())),
          e);
    }
  }

  private static int driverVersion() {
    int[] version = new int[1];
    cuDriverGetVersion(version);
    return version[0];
  }

  private static String cudaVersion(int version) {
    return version / 1000 + "." + version % 1000 / 10;
  }

  /**
   * Opens device {@code ordinal}.
   *
   * @throws CudaUnavailableException saying what is missing and what to do
   */
  static JCudaGpu open(int ordinal) throws CudaUnavailableException {
    try (OwnTemporaryDirectory _ = OwnTemporaryDirectory.make()) {
      JCudaDriver.setExceptionsEnabled(true);
      cuInit(0);
      int[] count = new int[1];
      cuDeviceGetCount(count);
      if (ordinal < 0 || ordinal >= count[0]) {
        throw new CudaUnavailableException(
            "there is no CUDA device " + ordinal + ": " + count[0] + " are here");
      }
      CUdevice device = new CUdevice();
      cuDeviceGet(device, ordinal);
      CUcontext context = new CUcontext();
      cuDevicePrimaryCtxRetain(context, device);
      cuCtxSetCurrent(context);
      return opened(device);
    } catch (UnsatisfiedLinkError | NoClassDefFoundError | ExceptionInInitializerError e) {
      String reason = CudaErrors.reason(e);
      // The loader calls a library that it does not find by its name, one that is broken by its
      // path.
      boolean missing = reason.contains(DRIVER) && !reason.contains("/" + DRIVER);
      String remedy =
          missing
              ? "no CUDA driver (libcuda.so.1): install NVIDIA's driver, or use --device cpu. "
              : "JCuda does not load, so that there is no GPU: ";
      throw new CudaUnavailableException(remedy + reason, e, missing);
    } catch (DeviceMemoryException e) {
      throw full(e);
    } catch (CudaException e) {
      if (CudaErrors.is(e, CUresult.CUDA_ERROR_OUT_OF_MEMORY)) {
        throw full(e);
      }
      throw new CudaUnavailableException(
          "CUDA does not start: " + e.getMessage() + ". Does nvidia-smi work? Or use --device cpu",
          e);
    }
  }

  private static CudaUnavailableException full(RuntimeException e) {
    return new CudaUnavailableException(
        "the GPU is full: "
            + e.getMessage()
            + ". nvidia-smi shows who uses its memory. Or use another by --gpu, or --device cpu",
        e);
  }

  /** Lets the context go if it comes to nothing. */
  private static JCudaGpu opened(CUdevice device) throws CudaUnavailableException {
    try {
      return new JCudaGpu(device, CublasLibrary.load());
    } catch (CudaUnavailableException | RuntimeException | Error e) {
      Cleanup.after(e, () -> release(device));
      throw e;
    }
  }

  private static void release(CUdevice device) {
    cuCtxSetCurrent(new CUcontext());
    cuDevicePrimaryCtxRelease(device);
  }

  private String describe(CublasLibrary.Found library) {
    byte[] name = new byte[256];
    cuDeviceGetName(name, name.length, device);
    int[] version = new int[1];
    JCublas2.cublasGetVersion(cublas, version);
    long[] free = new long[1];
    long[] total = new long[1];
    cuMemGetInfo(free, total);
    return "%s, compute capability %d.%d, %.1f GiB, driver for CUDA %s, cuBLAS %d (%s%s), %s"
        .formatted(
            new String(name, StandardCharsets.UTF_8).strip().replace("\0", ""),
            attribute(CUdevice_attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR),
            attribute(CUdevice_attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR),
            total[0] / (double) (1 << 30),
            cudaVersion(driverVersion()),
            version[0],
            library.library(),
            library.forwarded() ? ", forwarded" : "",
            kernels.form());
  }

  private int attribute(int which) {
    int[] value = new int[1];
    cuDeviceGetAttribute(value, which, device);
    return value[0];
  }

  @Override
  public String description() {
    return description;
  }

  @Override
  public long allocate(long bytes, String label) {
    DevicePointer pointer = new DevicePointer();
    try {
      cuMemAlloc(pointer, bytes);
    } catch (CudaException e) {
      if (CudaErrors.is(e, CUresult.CUDA_ERROR_OUT_OF_MEMORY)) {
        throw new DeviceMemoryException(
            "%s needs %,d bytes, %,d are free: use a smaller micro-batch, or keep fewer layers' activations"
                .formatted(label, bytes, freeBytes()));
      }
      throw e;
    }
    // On our stream: it does not wait for the default one.
    cuMemsetD8Async(pointer, (byte) 0, bytes, stream);
    allocations.put(pointer.address(), pointer);
    return pointer.address();
  }

  @Override
  public void free(long address) {
    DevicePointer pointer = allocations.remove(address);
    if (pointer == null) {
      throw new IllegalStateException("freed what was not allocated");
    }
    synchronize();
    cuMemFree(pointer);
  }

  @Override
  public long freeBytes() {
    long[] free = new long[1];
    long[] total = new long[1];
    cuMemGetInfo(free, total);
    return free[0];
  }

  /** JCuda makes pointers only from pointers: the allocation's, moved. */
  private DevicePointer pointer(long address) {
    Map.Entry<Long, DevicePointer> allocation = allocations.floorEntry(address);
    if (allocation == null) {
      throw new IllegalStateException("an address outside of all allocations");
    }
    return allocation.getValue().plus(address - allocation.getKey());
  }

  @Override
  public void copyToDevice(MemorySegment source, long target) {
    staging.copy(source, pointer(target));
  }

  @Override
  public void copyToHost(long source, MemorySegment target) {
    synchronize();
    for (long from = 0; from < target.byteSize(); from += COPY_PIECE) {
      long bytes = Math.min(COPY_PIECE, target.byteSize() - from);
      cuMemcpyDtoH(
          Pointer.to(target.asSlice(from, bytes).asByteBuffer()), pointer(source + from), bytes);
    }
  }

  @Override
  public void launch(String kernel, Grid grid, int threads, Object... arguments) {
    try {
      cuLaunchKernel(
          kernels.function(kernel),
          grid.x(),
          grid.y(),
          grid.z(),
          threads,
          1,
          1,
          0,
          stream,
          launchArguments.of(arguments),
          null);
      waitIfAsked();
    } catch (CudaException e) {
      throw CudaErrors.at("%s, %s of %d threads".formatted(kernel, grid, threads), e);
    }
  }

  private void waitIfAsked() {
    if (WAITS) {
      synchronize();
    }
  }

  /** cuBLAS has columns where we have rows: it is asked for c^T = b^T a^T. */
  @Override
  public void gemm(Gemm gemm) {
    int data =
        switch (gemm.type()) {
          case F32 -> cudaDataType.CUDA_R_32F;
          case F16 -> cudaDataType.CUDA_R_16F;
          case BF16 -> cudaDataType.CUDA_R_16BF;
          default -> throw new IllegalArgumentException("products of " + gemm.type());
        };
    try {
      JCublas2.cublasGemmEx_new(
          cublas,
          gemm.transposeB() ? cublasOperation.CUBLAS_OP_T : cublasOperation.CUBLAS_OP_N,
          cublasOperation.CUBLAS_OP_N,
          gemm.n(),
          gemm.m(),
          gemm.k(),
          one,
          pointer(gemm.b().address()),
          data,
          Math.toIntExact(gemm.b().stride()),
          pointer(gemm.a().address()),
          data,
          Math.toIntExact(gemm.a().stride()),
          gemm.accumulate() ? one : zero,
          pointer(gemm.c().address()),
          data,
          Math.toIntExact(gemm.c().stride()),
          COMPUTE_32F,
          GEMM_DEFAULT);
      waitIfAsked();
    } catch (CudaException e) {
      throw CudaErrors.at(
          "a product of %s, m %d, n %d, k %d".formatted(gemm.type(), gemm.m(), gemm.n(), gemm.k()),
          e);
    }
  }

  @Override
  public void synchronize() {
    cuStreamSynchronize(stream);
  }

  @Override
  public TimingEvent newEvent() {
    return new JCudaEvent(stream);
  }

  @Override
  public void close() {
    synchronize();
    staging.close();
    JCublas2.cublasDestroy(cublas);
    free(workspace);
    kernels.unload();
    cuStreamDestroy(stream);
    release(device);
  }
}
