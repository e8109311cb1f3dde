package dev.tallrec.backend.cpu;

import dev.tallrec.backend.FrozenLinear;
import dev.tallrec.backend.Operands;
import dev.tallrec.tensor.DType;
import dev.tallrec.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.LongPredicate;
import org.jspecify.annotations.Nullable;

/**
 * Weights used where they lie, usually in a mapped file: products convert them block by block, or
 * read a copy that was made of them, in fp32 panels or in bf16.
 */
final class CpuLinear implements FrozenLinear {

  /**
   * Rows of one tensor.
   *
   * @param segment the tensor's memory
   * @param firstRow first of them within the tensor
   * @param rows how many
   * @param firstOutput the output of the layer that the first row computes
   * @param transposed its weights W as the right factor of x W^T: element (in, out)
   * @param plain its weights as the right factor of dy W: element (out, in)
   */
  record Part(
      MemorySegment segment,
      int firstRow,
      int rows,
      int firstOutput,
      Gemm.Operand transposed,
      Gemm.Operand plain) {

    static Part of(
        MemorySegment segment,
        DType dtype,
        int inFeatures,
        int firstRow,
        int rows,
        int firstOutput) {
      long offset = (long) firstRow * inFeatures;
      return new Part(
          segment,
          firstRow,
          rows,
          firstOutput,
          new Gemm.Operand().set(segment, dtype, offset, 1, inFeatures),
          new Gemm.Operand().set(segment, dtype, offset, inFeatures, 1));
    }
  }

  /** Makes panels of weights. */
  private interface Packer {
    PackedFactor pack(WorkerPool pool, Scratch[] scratch);
  }

  /** Panels for products of one kind, which are made at most once, when asked for. */
  static final class Packing {
    private final long bytes;
    private final Packer packer;
    private @Nullable PackedFactor factor;
    private long products;
    private long nextQuestion = 1;

    private Packing(long bytes, Packer packer) {
      this.bytes = bytes;
      this.packer = packer;
    }

    /** The panels, if there are any. */
    @Nullable PackedFactor factor() {
      return factor;
    }

    /**
     * Makes them, before a product, if memory allows it. If it does not, it is asked again after as
     * many products as there were: what fills a heap may be waiting for its collection.
     */
    void decide(LongPredicate memoryAllows, WorkerPool pool, Scratch[] scratch) {
      if (factor == null && ++products == nextQuestion) {
        nextQuestion *= 2;
        factor = memoryAllows.test(bytes) ? packer.pack(pool, scratch) : null;
      }
    }
  }

  private final List<Part> parts;
  private final DType dtype;
  private final int outFeatures;
  private final int inFeatures;
  private final @Nullable CpuLinear copy;
  private final Packing transposed;
  private final Packing plain;

  private CpuLinear(
      List<Part> parts, DType dtype, int outFeatures, int inFeatures, @Nullable CpuLinear copy) {
    this.parts = List.copyOf(parts);
    this.dtype = dtype;
    this.outFeatures = outFeatures;
    this.inFeatures = inFeatures;
    this.copy = copy;
    transposed =
        new Packing(
            PackedFactor.bytes(inFeatures, outFeatures),
            (pool, scratch) -> PackedFactor.transposed(this, pool, scratch));
    plain =
        new Packing(
            PackedFactor.bytes(outFeatures, inFeatures),
            (pool, scratch) -> PackedFactor.plain(this, pool, scratch));
  }

  static CpuLinear of(List<Tensor> tensors) {
    Operands.layer(tensors);
    Tensor head = tensors.getFirst();
    int inFeatures = Math.toIntExact(head.shape().dimension(1));
    List<Part> parts = new ArrayList<>();
    int outputs = 0;
    for (Tensor tensor : tensors) {
      int rows = Math.toIntExact(tensor.shape().dimension(0));
      parts.add(Part.of(tensor.segment(), head.dtype(), inFeatures, 0, rows, outputs));
      outputs = Math.addExact(outputs, rows);
    }
    return new CpuLinear(parts, head.dtype(), outputs, inFeatures, null);
  }

  static CpuLinear of(FrozenLinear weight) {
    if (weight instanceof CpuLinear linear) {
      return linear;
    }
    throw new IllegalArgumentException("weights of another device: " + weight.getClass());
  }

  /** These weights with {@code rounded}, a copy of them in bf16. */
  CpuLinear with(CpuLinear rounded) {
    return new CpuLinear(parts, dtype, outFeatures, inFeatures, rounded);
  }

  /**
   * The weights in bf16: the copy, or these if they are stored so.
   *
   * @throws IllegalArgumentException if the device that loaded them does not compute in bf16
   */
  CpuLinear bFloat16() {
    if (copy != null) {
      return copy;
    }
    if (dtype != DType.BF16) {
      throw new IllegalArgumentException("weights of a device that computes in F32");
    }
    return this;
  }

  List<Part> parts() {
    return parts;
  }

  /** The right factor of x W^T. */
  Packing transposed() {
    return transposed;
  }

  /** The right factor of dy W. */
  Packing plain() {
    return plain;
  }

  @Override
  public int outFeatures() {
    return outFeatures;
  }

  @Override
  public int inFeatures() {
    return inFeatures;
  }

  @Override
  public DType storageType() {
    return dtype;
  }

  @Override
  public FrozenLinear outputs(int first, int count) {
    Objects.checkFromIndexSize(first, count, outFeatures);
    List<Part> chosen = new ArrayList<>();
    for (Part part : parts) {
      int from = Math.max(first, part.firstOutput);
      int to = Math.min(first + count, part.firstOutput + part.rows);
      if (from < to) {
        chosen.add(
            Part.of(
                part.segment,
                dtype,
                inFeatures,
                part.firstRow + from - part.firstOutput,
                to - from,
                from - first));
      }
    }
    return new CpuLinear(
        chosen,
        dtype,
        count,
        inFeatures,
        copy == null ? null : CpuLinear.of(copy.outputs(first, count)));
  }
}
