package dev.tallrec.backend.cpu;

import dev.tallrec.backend.FrozenLinear;
import dev.tallrec.tensor.DType;
import dev.tallrec.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/** Weights used where they lie, usually in a mapped file: products convert them block by block. */
final class CpuLinear implements FrozenLinear {

  /**
   * Rows of one tensor.
   *
   * @param segment the tensor's memory
   * @param firstRow first of them within the tensor
   * @param rows how many
   * @param firstOutput the output of the layer that the first row computes
   */
  record Part(MemorySegment segment, int firstRow, int rows, int firstOutput) {}

  private final List<Part> parts;
  private final DType dtype;
  private final int outFeatures;
  private final int inFeatures;

  private CpuLinear(List<Part> parts, DType dtype, int outFeatures, int inFeatures) {
    this.parts = List.copyOf(parts);
    this.dtype = dtype;
    this.outFeatures = outFeatures;
    this.inFeatures = inFeatures;
  }

  static CpuLinear of(List<Tensor> tensors) {
    Tensor head = tensors.getFirst();
    int inFeatures = Math.toIntExact(head.shape().dimension(1));
    List<Part> parts = new ArrayList<>();
    int outputs = 0;
    for (Tensor tensor : tensors) {
      if (tensor.shape().rank() != 2
          || tensor.shape().dimension(1) != inFeatures
          || tensor.dtype() != head.dtype()
          || !tensor.dtype().isWeight()) {
        throw new IllegalArgumentException(
            "%s %s %s cannot be one layer with %s %s %s"
                .formatted(
                    tensor.name(),
                    tensor.dtype(),
                    tensor.shape(),
                    head.name(),
                    head.dtype(),
                    head.shape()));
      }
      int rows = Math.toIntExact(tensor.shape().dimension(0));
      parts.add(new Part(tensor.segment(), 0, rows, outputs));
      outputs = Math.addExact(outputs, rows);
    }
    return new CpuLinear(parts, head.dtype(), outputs, inFeatures);
  }

  static CpuLinear of(FrozenLinear weight) {
    if (weight instanceof CpuLinear linear) {
      return linear;
    }
    throw new IllegalArgumentException("weights of another device: " + weight.getClass());
  }

  List<Part> parts() {
    return parts;
  }

  /** The weights W of {@code part} as the right factor of x W^T: element (in, out). */
  Gemm.Operand transposed(Part part) {
    return new Gemm.Operand(part.segment, dtype, (long) part.firstRow * inFeatures, 1, inFeatures);
  }

  /** The weights of {@code part} as the right factor of dy W: element (out, in). */
  Gemm.Operand plain(Part part) {
    return new Gemm.Operand(part.segment, dtype, (long) part.firstRow * inFeatures, inFeatures, 1);
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
            new Part(
                part.segment, part.firstRow + from - part.firstOutput, to - from, from - first));
      }
    }
    return new CpuLinear(chosen, dtype, count, inFeatures);
  }
}
