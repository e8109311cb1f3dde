package dev.tallrec.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tallrec.backend.AttentionLayout;
import dev.tallrec.backend.Device;
import dev.tallrec.backend.DeviceArena;
import dev.tallrec.backend.Indices;
import dev.tallrec.backend.Matrix;
import dev.tallrec.backend.RopeTable;
import dev.tallrec.tensor.DType;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Which kernels attention launches, and with which blocks; nothing is computed. */
class AttentionLaunchTest {

  private static final int HEADS = 6;
  private static final int KEY_HEADS = 2;
  private static final int HEAD_DIM = 16;

  private final Map<String, CudaDriver.Grid> grids = new TreeMap<>();
  private final List<String> others = new ArrayList<>();

  private Device device(DType type) {
    return new CudaDevice(
        new ForwardingDriver(new PlannedDriver(GpuModel.RTX_3090, type)) {
          @Override
          public void launchProducts(
              String kernel, double flop, Grid grid, int threads, Object... arguments) {
            grids.put(kernel, grid);
          }

          @Override
          public void launch(String kernel, Grid grid, int threads, Object... arguments) {
            others.add(kernel);
          }
        },
        type);
  }

  /** Asks for attention of one sequence, or for its gradient. */
  private void run(DType type, int rows, boolean backward) {
    try (Device device = device(type);
        DeviceArena memory = device.newArena()) {
      Matrix q = Matrix.allocate(memory, "q", type, rows, HEADS * HEAD_DIM);
      Matrix k = Matrix.allocate(memory, "k", type, rows, KEY_HEADS * HEAD_DIM);
      Matrix lse = Matrix.allocate(memory, "lse", DType.F32, HEADS, rows);
      Indices segment = Indices.allocate(memory, "segment", AttentionLayout.INTS_PER_SEGMENT);
      AttentionLayout layout = new AttentionLayout(segment, 1, rows, rows, rows, rows);
      if (backward) {
        device.ops().attentionBackward(q, k, k, q, q, lse, layout, HEAD_DIM, 1, lse, q, k, k);
      } else {
        device.ops().attention(q, k, k, layout, HEAD_DIM, 1, q, lse);
      }
    }
  }

  /** Keys of a prefix, which come first and see most queries, are not left to the end. */
  @Test
  void blocksOfAllHeadsBeginWithTheSameRows() {
    run(DType.F16, 300, false);
    run(DType.F16, 300, true);
    assertThat(grids)
        .containsExactly(
            Map.entry("attention_backward_kv_f16_16", new CudaDriver.Grid(KEY_HEADS, 5, 1)),
            Map.entry("attention_backward_q_f16_16", new CudaDriver.Grid(HEADS, 5, 1)),
            Map.entry("attention_forward_f16_16", new CudaDriver.Grid(HEADS, 5, 1)));
  }

  private void rotated(int headDim) {
    int rows = 3;
    try (Device device = device(DType.BF16);
        DeviceArena memory = device.newArena()) {
      Matrix x = Matrix.allocate(memory, "x", DType.BF16, rows, headDim);
      Matrix lse = Matrix.allocate(memory, "lse", DType.F32, 1, rows);
      Matrix table = Matrix.allocate(memory, "table", DType.F32, rows, headDim / 2);
      Indices segment = Indices.allocate(memory, "segment", AttentionLayout.INTS_PER_SEGMENT);
      Indices positions = Indices.allocate(memory, "positions", rows);
      AttentionLayout layout = new AttentionLayout(segment, 1, rows, rows, rows, rows);
      RopeTable rope = new RopeTable(table, table);
      device
          .ops()
          .ropeAttentionBackward(
              x, x, x, x, x, lse, layout, headDim, 1, lse, positions, positions, rope, x, x, x);
    }
  }

  @Test
  void headsThatFillAKernelsColumnsAreRotatedByIt() {
    rotated(128);
    assertThat(others).containsExactly("attention_delta_bf16");
  }

  @Test
  void otherHeadsAreRotatedAfterwards() {
    rotated(48);
    assertThat(others).containsExactly("attention_delta_bf16", "rope_bf16", "rope_bf16");
  }

  @ParameterizedTest
  @CsvSource({
    "F16, 4194240, false",
    "F16, 4194240, true",
    "F32, 2097120, false",
    "F32, 1048560, true"
  })
  void moreRowsThanAGridHasBlocksForAreRefused(DType type, int most, boolean backward) {
    run(type, most, backward);
    assertThat(grids.values()).allMatch(grid -> grid.y() == 65_535);
    assertThatThrownBy(() -> run(type, most + 1, backward))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "attention over %,d rows; CUDA kernels are made for at most %,d: take shorter sequences or fewer at once",
            most + 1, most);
  }
}
