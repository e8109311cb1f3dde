package dev.tallrec.backend.cuda;

import dev.tallrec.backend.AttentionLayout;
import dev.tallrec.backend.Indices;
import dev.tallrec.backend.Matrix;
import dev.tallrec.backend.RopeTable;
import dev.tallrec.backend.cuda.CudaDriver.Grid;
import dev.tallrec.tensor.DType;
import java.util.Arrays;

/** Launches of attention_forward.cu, attention_backward.cu and attention_f32.cu. */
final class CudaAttention {

  // Rows of a block as in attention.cuh and attention_f32.cu; a warp of 32 threads takes 16 rows.
  private static final int ROWS = 64;
  private static final int F32_FORWARD_ROWS = 32;
  private static final int F32_BACKWARD_ROWS = 16;
  private static final int THREADS_PER_ROW = 2;
  private static final int[] HEAD_DIMS = {16, 32, 64, 128};
  // Of the grid's second dimension, by CUDA; the first, whose blocks begin one after the other, is
  // that of heads.
  private static final int MOST_BLOCKS = 65_535;
  private static final int DELTA_ROWS = 8;
  private static final int DELTA_THREADS = 256;

  private final CudaDriver driver;
  private final String suffix;
  private final int forwardRows;
  private final int backwardRows;

  /**
   * How queries and keys had been rotated, by device addresses. Of the table a few rows are read,
   * again and again: it does not count as memory that a kernel reads.
   *
   * @param queryPositions a position for each row of q, 0 for no rotation
   * @param keyPositions a position for each row of k, 0 for no rotation
   * @param stride elements from a row of the table to the next
   */
  record Rotation(long queryPositions, long keyPositions, long cos, long sin, long stride) {
    static final Rotation NONE = new Rotation(0, 0, 0, 0, 0);

    static Rotation of(Indices queryPositions, Indices keyPositions, RopeTable table) {
      return new Rotation(
          CudaBuffer.address(queryPositions),
          CudaBuffer.address(keyPositions),
          CudaBuffer.address(table.cos()),
          CudaBuffer.address(table.sin()),
          CudaOps.stride(table.cos()));
    }
  }

  CudaAttention(CudaDriver driver, DType type, String suffix) {
    this.driver = driver;
    this.suffix = suffix;
    this.forwardRows = type == DType.F32 ? F32_FORWARD_ROWS : ROWS;
    this.backwardRows = type == DType.F32 ? F32_BACKWARD_ROWS : ROWS;
  }

  /** Name of the kernel for a head dimension: the next one that kernels are made for. */
  private String kernel(String name, int headDim) {
    for (int padded : HEAD_DIMS) {
      if (headDim <= padded) {
        return name + suffix + "_" + padded;
      }
    }
    throw new IllegalArgumentException(
        "head_dim " + headDim + " is above 128, which CUDA kernels are made for");
  }

  /** Whether kernels can rotate gradients of heads back: those that fill a kernel's columns. */
  static boolean rotates(int headDim) {
    return Arrays.stream(HEAD_DIMS).anyMatch(padded -> padded == headDim);
  }

  /** Blocks of {@code perBlock} of so many rows. */
  private static int blocks(int rows, int perBlock) {
    if (rows > perBlock * MOST_BLOCKS) {
      throw new IllegalArgumentException(
          "attention over %,d rows; CUDA kernels are made for at most %,d: take shorter sequences or fewer at once"
              .formatted(rows, perBlock * MOST_BLOCKS));
    }
    return Math.ceilDiv(rows, perBlock);
  }

  void forward(
      Matrix q,
      Matrix k,
      Matrix v,
      AttentionLayout layout,
      int headDim,
      float scale,
      Matrix out,
      Matrix lse) {
    if (layout.segmentCount() == 0) {
      return;
    }
    int heads = q.columns() / headDim;
    driver.launchProducts(
        kernel("attention_forward", headDim),
        layout.flop(2, q.columns()),
        new Grid(heads, blocks(layout.maxQueryCount(), forwardRows), layout.segmentCount()),
        forwardRows * THREADS_PER_ROW,
        CudaOps.span(q),
        CudaOps.stride(q),
        CudaOps.span(k),
        CudaOps.stride(k),
        CudaOps.span(v),
        CudaOps.stride(v),
        CudaBuffer.address(layout.segments()),
        heads / (k.columns() / headDim),
        headDim,
        scale,
        CudaOps.span(out),
        CudaOps.stride(out),
        CudaOps.span(lse),
        CudaOps.stride(lse));
  }

  void backward(
      Matrix q,
      Matrix k,
      Matrix v,
      Matrix out,
      Matrix dout,
      Matrix lse,
      AttentionLayout layout,
      int headDim,
      float scale,
      Matrix delta,
      Rotation rotation,
      Matrix dq,
      Matrix dk,
      Matrix dv) {
    int heads = q.columns() / headDim;
    int kvHeads = k.columns() / headDim;
    if (layout.queryRows() > 0) {
      driver.launch(
          "attention_delta" + suffix,
          Grid.of(Math.ceilDiv(layout.queryRows(), DELTA_ROWS), heads),
          DELTA_THREADS,
          CudaOps.span(out),
          CudaOps.stride(out),
          CudaOps.span(dout),
          CudaOps.stride(dout),
          layout.queryRows(),
          headDim,
          CudaOps.span(delta),
          CudaOps.stride(delta));
      // Scores are made again by either kernel, and so are their gradients.
      driver.launchProducts(
          kernel("attention_backward_q", headDim),
          layout.flop(3, q.columns()),
          new Grid(heads, blocks(layout.maxQueryCount(), backwardRows), layout.segmentCount()),
          backwardRows * THREADS_PER_ROW,
          CudaOps.span(q),
          CudaOps.stride(q),
          CudaOps.span(k),
          CudaOps.stride(k),
          CudaOps.span(v),
          CudaOps.stride(v),
          CudaOps.span(dout),
          CudaOps.stride(dout),
          CudaOps.span(lse),
          CudaOps.stride(lse),
          CudaOps.span(delta),
          CudaOps.stride(delta),
          CudaBuffer.address(layout.segments()),
          heads / kvHeads,
          headDim,
          scale,
          CudaOps.span(dq),
          CudaOps.stride(dq),
          rotation.queryPositions(),
          rotation.cos(),
          rotation.sin(),
          rotation.stride());
    }
    driver.launchProducts(
        kernel("attention_backward_kv", headDim),
        layout.flop(4, q.columns()),
        Grid.of(kvHeads, blocks(k.rows(), backwardRows)),
        backwardRows * THREADS_PER_ROW,
        CudaOps.span(q),
        CudaOps.stride(q),
        CudaOps.span(k),
        CudaOps.stride(k),
        CudaOps.span(v),
        CudaOps.stride(v),
        CudaOps.span(dout),
        CudaOps.stride(dout),
        CudaOps.span(lse),
        CudaOps.stride(lse),
        CudaOps.span(delta),
        CudaOps.stride(delta),
        CudaBuffer.address(layout.segments()),
        layout.segmentCount(),
        heads / kvHeads,
        headDim,
        scale,
        k.rows(),
        CudaOps.span(dk),
        CudaOps.stride(dk),
        CudaOps.span(dv),
        CudaOps.stride(dv),
        rotation.keyPositions(),
        rotation.cos(),
        rotation.sin(),
        rotation.stride());
  }
}
