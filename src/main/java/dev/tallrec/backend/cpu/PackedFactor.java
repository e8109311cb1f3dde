package dev.tallrec.backend.cpu;

import java.util.ArrayList;
import java.util.List;

/**
 * Frozen weights as the right factor of products, fp32, in the panels that {@link Gemm} reads: made
 * once, where a product otherwise makes them of the stored weights each time. Results are the same
 * to the bit, since sums are split at the same depths.
 *
 * @param columns columns of the factor
 * @param blocks its rows, some at a time, in order
 */
record PackedFactor(int columns, List<Block> blocks) {

  /**
   * Some rows: panels of {@link TileKernel#COLUMNS} columns, k-major, one after the other.
   *
   * @param firstDepth first row
   * @param depths how many
   */
  record Block(int firstDepth, int depths, float[] panels) {}

  static final PackedFactor NONE = new PackedFactor(0, List.of());

  /** Bytes that a factor of these sizes takes at most. */
  static long bytes(int depth, int columns) {
    long padded = (long) Math.ceilDiv(columns, TileKernel.COLUMNS) * TileKernel.COLUMNS;
    return (long) Float.BYTES * depth * padded;
  }

  /** W transposed, the factor of x W^T. */
  static PackedFactor transposed(CpuLinear weight, WorkerPool pool, Scratch[] scratch) {
    int columns = weight.outFeatures();
    List<Block> blocks = new ArrayList<>();
    addBlocks(blocks, 0, weight.inFeatures(), columns);
    pool.forEach(
        Math.ceilDiv(columns, TileKernel.COLUMNS),
        (panel, worker) ->
            packTransposed(weight, panel * TileKernel.COLUMNS, blocks, scratch[worker].panels()));
    return new PackedFactor(columns, List.copyOf(blocks));
  }

  /** W, the factor of dy W. */
  static PackedFactor plain(CpuLinear weight, WorkerPool pool, Scratch[] scratch) {
    int columns = weight.inFeatures();
    List<Block> blocks = new ArrayList<>();
    for (CpuLinear.Part part : weight.parts()) {
      int first = blocks.size();
      addBlocks(blocks, part.firstOutput(), part.rows(), columns);
      List<Block> own = blocks.subList(first, blocks.size());
      pool.forEach(
          Math.ceilDiv(columns, Gemm.COLUMN_BLOCK),
          (piece, worker) ->
              packPlain(part, piece * Gemm.COLUMN_BLOCK, columns, own, scratch[worker].panels()));
    }
    return new PackedFactor(columns, List.copyOf(blocks));
  }

  private static void addBlocks(List<Block> blocks, int first, int depth, int columns) {
    int step = Gemm.depthStep(depth);
    for (int at = 0; at < depth; at += step) {
      int depths = Math.min(step, depth - at);
      float[] panels = new float[Math.toIntExact(bytes(depths, columns) / Float.BYTES)];
      blocks.add(new Block(first + at, depths, panels));
    }
  }

  /** A panel, whose columns may be outputs of more than one part. */
  private static void packTransposed(
      CpuLinear weight, int column, List<Block> blocks, Gemm.Panels panels) {
    for (Block block : blocks) {
      for (int p = 0; p < block.depths; p += Gemm.LINE) {
        int count = Math.min(Gemm.LINE, block.depths - p);
        for (CpuLinear.Part part : weight.parts()) {
          int from = Math.max(column, part.firstOutput());
          int to = Math.min(column + TileKernel.COLUMNS, part.firstOutput() + part.rows());
          Gemm.readLines(
              panels,
              part.transposed(),
              block.firstDepth + p,
              count,
              from - part.firstOutput(),
              to - from,
              from - column);
        }
        Gemm.interleave(
            panels, count, block.panels, column * block.depths + p * TileKernel.COLUMNS);
      }
    }
  }

  private static void packPlain(
      CpuLinear.Part part, int column, int columns, List<Block> blocks, Gemm.Panels panels) {
    for (Block block : blocks) {
      Gemm.packRows(
          panels,
          part.plain(),
          block.firstDepth - part.firstOutput(),
          block.depths,
          column,
          Math.min(Gemm.COLUMN_BLOCK, columns - column),
          block.panels,
          column * block.depths);
    }
  }
}
