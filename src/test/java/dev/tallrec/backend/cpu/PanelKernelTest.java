package dev.tallrec.backend.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PanelKernelTest {

  private static final int ROWS = PanelKernel.ROWS;
  private static final int STRIDE = PanelKernel.STRIDE;
  private static final int COLUMNS = TileKernel.COLUMNS;

  private static float[] random(int length) {
    Random random = new Random(7);
    float[] values = new float[length];
    for (int i = 0; i < length; i++) {
      values[i] = random.nextFloat() - 0.5f;
    }
    return values;
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 15, 16, 17, 64, 87})
  void aPanelHasTheRowsSideBySide(int depths) {
    int stride = Gemm.rowStride(depths);
    float[] rows = random(ROWS * stride);
    float[] panel = new float[5 + STRIDE * depths + RowPanel.SLACK];
    RowPanel.interleave(rows, stride, depths, panel, 5);
    for (int p = 0; p < depths; p++) {
      for (int r = 0; r < ROWS; r++) {
        assertThat(panel[5 + p * STRIDE + r]).isEqualTo(rows[r * stride + p]);
      }
    }
    assertThat(panel).startsWith(0, 0, 0, 0, 0);
  }

  /** Rows that lie apart, or in a panel: the sums have the same order, so the same bits. */
  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 16, 87})
  void aTileIsThatOfTheOtherKernel(int depths) {
    int stride = Gemm.rowStride(depths);
    float[] rows = random((ROWS + TileKernel.ROWS) * stride);
    float[] panel = new float[STRIDE * depths + RowPanel.SLACK];
    float[] b = random(7 + depths * COLUMNS);
    float[] ours = new float[ROWS * COLUMNS];
    float[] right = new float[(ROWS + TileKernel.ROWS) * COLUMNS];
    RowPanel.interleave(rows, stride, depths, panel, 0);
    PanelKernel.kernel(panel, 0, b, 7, depths, ours, 0);
    for (int row = 0; row < ROWS; row += TileKernel.ROWS) {
      TileKernel.kernel(rows, row * stride, stride, b, 7, depths, false, right, row * COLUMNS);
    }
    assertThat(ours).isEqualTo(Arrays.copyOf(right, ROWS * COLUMNS));
    float sum = 0;
    for (int p = 0; p < depths; p++) {
      sum = Math.fma(rows[stride + p], b[7 + p * COLUMNS + 2], sum);
    }
    assertThat(ours[COLUMNS + 2]).isEqualTo(sum);
  }
}
