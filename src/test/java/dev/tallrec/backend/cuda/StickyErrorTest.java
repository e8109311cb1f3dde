package dev.tallrec.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tallrec.backend.DeviceArena;
import dev.tallrec.tensor.DType;
import dev.tallrec.tensor.Shape;
import dev.tallrec.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import jcuda.CudaException;
import org.junit.jupiter.api.Test;

/** After an error of CUDA that stays everything fails, and only the first to do so knows where. */
class StickyErrorTest {

  private static final String FIRST = "CUDA_ERROR_LAUNCH_FAILED at or before a kernel";
  private static final String LATER = "CUDA_ERROR_LAUNCH_FAILED";

  /** Its memory is freed after whatever was asked for: that fails first there. */
  private static final class FailedDriver extends ForwardingDriver {
    FailedDriver() {
      super(new PlannedDriver(GpuModel.RTX_3090, DType.F16));
    }

    @Override
    public void copyToDevice(MemorySegment source, long address) {
      throw new CudaException(FIRST);
    }

    @Override
    public void free(long address) {
      throw new CudaException(LATER);
    }
  }

  @Test
  void freeingWhatWasOnItsWayDoesNotHideWhereItFailed() {
    CudaDevice device = new CudaDevice(new FailedDriver(), DType.F16);
    DeviceArena memory = device.newArena();
    Tensor weights = Tensor.ofFloats(Arena.ofAuto(), "weights", Shape.of(2, 2), 1, 2, 3, 4);
    assertThatThrownBy(() -> device.loadLinear(memory, List.of(weights)))
        .hasMessage(FIRST)
        .satisfies(e ->
            assertThat(e.getSuppressed())
                .hasSize(1)
                .extracting(Throwable::getMessage)
                .containsExactly(LATER));
  }
}
