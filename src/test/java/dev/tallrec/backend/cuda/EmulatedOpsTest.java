package dev.tallrec.backend.cuda;

import dev.tallrec.backend.Device;
import dev.tallrec.tensor.DType;
import dev.tallrec.testing.OpsContract;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

/** The kernels against the reference, on the emulated device, in every type. */
@ParameterizedClass
@EnumSource
class EmulatedOpsTest {

  private static final long MEMORY = 1L << 30;

  private final KernelBuild build;

  EmulatedOpsTest(KernelBuild build) {
    build.assume();
    this.build = build;
  }

  @Nested
  class InF32 extends OpsContract {
    @Override
    protected Device newDevice() {
      return new CudaDevice(build.driver(0, MEMORY), DType.F32);
    }
  }

  @Nested
  class InF16 extends OpsContract {
    @Override
    protected Device newDevice() {
      return new CudaDevice(build.driver(0, MEMORY), DType.F16);
    }
  }

  @Nested
  class InBF16 extends OpsContract {
    @Override
    protected Device newDevice() {
      return new CudaDevice(build.driver(1, MEMORY), DType.BF16);
    }
  }
}
