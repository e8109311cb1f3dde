package dev.tallrec.backend.cuda;

import dev.tallrec.backend.Device;
import dev.tallrec.tensor.DType;
import dev.tallrec.testing.OpsContract;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.condition.EnabledIf;

/** The kernels against the reference, on the emulated device, in every type. */
@EnabledIf(
    value = "dev.tallrec.backend.cuda.EmulatedDriver#isAvailable",
    disabledReason = "the emulated device needs g++ on x86-64")
class EmulatedOpsTest {

  private static final long MEMORY = 1L << 30;

  @Nested
  class InF32 extends OpsContract {
    @Override
    protected Device newDevice() {
      return new CudaDevice(new EmulatedDriver(0, MEMORY), DType.F32);
    }
  }

  @Nested
  class InF16 extends OpsContract {
    @Override
    protected Device newDevice() {
      return new CudaDevice(new EmulatedDriver(0, MEMORY), DType.F16);
    }
  }

  @Nested
  class InBF16 extends OpsContract {
    @Override
    protected Device newDevice() {
      return new CudaDevice(new EmulatedDriver(1, MEMORY), DType.BF16);
    }
  }
}
