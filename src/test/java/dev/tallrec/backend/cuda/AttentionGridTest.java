package dev.tallrec.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tallrec.backend.AttentionLayout;
import dev.tallrec.backend.Device;
import dev.tallrec.backend.DeviceArena;
import dev.tallrec.backend.Indices;
import dev.tallrec.backend.Matrix;
import dev.tallrec.tensor.DType;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** In which order blocks of attention begin, and how many there can be; nothing is computed. */
class AttentionGridTest {

  private static final int HEADS = 6;
  private static final int KEY_HEADS = 2;
  private static final int HEAD_DIM = 16;

  private final Map<String, CudaDriver.Grid> grids = new TreeMap<>();

  /** Asks for attention of one sequence, or for its gradient. */
  private void run(DType type, int rows, boolean backward) {
    CudaDriver driver =
        new ForwardingDriver(new PlannedDriver(GpuModel.RTX_3090, type)) {
          @Override
          public void launchProducts(
              String kernel, double flop, Grid grid, int threads, Object... arguments) {
            grids.put(kernel, grid);
          }
        };
    try (Device device = new CudaDevice(driver, type);
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
