package dev.tallrec.backend;

import dev.tallrec.tensor.DType;
import dev.tallrec.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * A processor with its memory. One thread drives a device; operations may be asynchronous until
 * {@link #synchronize} or a download.
 */
public interface Device extends AutoCloseable {

  /** Name, units and what matters for speed, on one line: "CPU, 2 threads, 256-bit vectors". */
  String description();

  /** Type that activations and LoRA working copies are stored in. Accumulation is always fp32. */
  DType computeType();

  /**
   * Type that both factors of a product with frozen weights are rounded to. {@link #computeType}
   * unless a device says otherwise: one that stores F32 may multiply in BF16.
   */
  default DType productType() {
    return computeType();
  }

  /** The operations of this device. */
  Ops ops();

  /** A new owner of device memory, empty. */
  DeviceArena newArena();

  /** Bytes that could still be allocated, as far as the device knows. */
  long availableBytes();

  /**
   * Rows and columns of square matrices, a power of two, in whose product the device is at its
   * best: beginning and ending it must not count.
   */
  default int bestProductSize() {
    return 1024;
  }

  /**
   * Copies host memory into {@code target}, which has the same size. The source may be reused on
   * return.
   */
  void upload(MemorySegment source, Buffer target);

  /** Copies {@code source} to host memory of the same size, after everything enqueued before. */
  void download(Buffer source, MemorySegment target);

  /** Waits for everything enqueued so far. */
  void synchronize();

  /**
   * Makes frozen weights resident: the rows of {@code parts} (each [out_i, in], F32, F16 or BF16,
   * all the same dtype) laid one below the other as one [sum out_i, in] matrix, so that q, k and v
   * (or gate and up) are one product.
   *
   * <p>A device may keep using the parts' own (mapped) memory, so they must outlive {@code arena}.
   *
   * @param arena owner of whatever is allocated
   * @throws IllegalArgumentException if shapes or types disagree
   */
  FrozenLinear loadLinear(DeviceArena arena, List<Tensor> parts);

  @Override
  void close();
}
