package dev.tallrec.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tallrec.backend.Device;
import dev.tallrec.backend.Ops;
import dev.tallrec.backend.cpu.CpuDevice;
import dev.tallrec.tensor.DType;
import dev.tallrec.verify.Check;
import dev.tallrec.verify.ops.OpsCase;
import dev.tallrec.verify.ops.OpsVerification;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The check of a GPU's operations against the CPU's, on the emulated device. */
@ParameterizedClass
@EnumSource
class EmulatedOpsCheckTest {

  private static final long MEMORY = 1L << 30;

  private final KernelBuild build;

  EmulatedOpsCheckTest(KernelBuild build) {
    build.assume();
    this.build = build;
  }

  private static List<Check> check(CudaDriver driver, DType type) {
    try (Device device = new CudaDevice(driver, type);
        Device reference = new CpuDevice(2)) {
      return OpsVerification.run(reference, device, OpsCase.odd(), begun -> {});
    }
  }

  private static List<Check> failures(CudaDriver driver) {
    return check(driver, DType.F16).stream().filter(check -> !check.passed()).toList();
  }

  @ParameterizedTest
  @EnumSource(
      value = DType.class,
      names = {"F32", "F16", "BF16"})
  void everyOperationIsCheckedAndAgrees(DType type) {
    List<Check> checks = check(build.driver(0, MEMORY), type);
    assertThat(checks).allMatch(Check::passed);
    assertThat(checks)
        .extracting(Check::group)
        .containsExactlyInAnyOrderElementsOf(
            Arrays.stream(Ops.class.getMethods()).map(Method::getName).toList());
  }

  @Test
  void anOperationIsNamedBeforeItHangs() {
    List<String> begun = new ArrayList<>();
    List<String> hung = new ArrayList<>();
    CudaDriver faulty =
        new ForwardingDriver(build.driver(0, MEMORY)) {
          @Override
          public void launch(String kernel, Grid grid, int threads, Object... arguments) {
            if (kernel.startsWith("rope")) {
              hung.add(begun.getLast());
            }
            super.launch(kernel, grid, threads, arguments);
          }
        };
    try (Device device = new CudaDevice(faulty, DType.F16);
        Device reference = new CpuDevice(2)) {
      OpsVerification.run(reference, device, OpsCase.odd(), begun::add);
    }
    assertThat(hung)
        .isNotEmpty()
        .allMatch(name -> name.matches("rope of .*rotation of 13 .*|ropeAttentionBackward of .*"));
  }

  @Test
  void aProductThatForgetsToAddIsFound() {
    CudaDriver faulty =
        new ForwardingDriver(build.driver(0, MEMORY)) {
          @Override
          public void gemm(Gemm gemm) {
            super.gemm(
                new Gemm(
                    gemm.type(),
                    gemm.m(),
                    gemm.n(),
                    gemm.k(),
                    gemm.transposeB(),
                    gemm.a(),
                    gemm.b(),
                    false,
                    gemm.c()));
          }
        };
    assertThat(failures(faulty))
        .extracting(Check::group)
        .containsExactly("linear", "linearBackward");
  }

  @Test
  void aKernelThatDoesNothingIsFound() {
    CudaDriver faulty =
        new ForwardingDriver(build.driver(0, MEMORY)) {
          @Override
          public void launch(String kernel, Grid grid, int threads, Object... arguments) {
            if (!kernel.startsWith("swiglu_backward")) {
              super.launch(kernel, grid, threads, arguments);
            }
          }
        };
    assertThat(failures(faulty)).extracting(Check::group).containsExactly("swigluBackward");
  }

  @Test
  void aKernelThatDoesNotStartIsFoundAndSaysWhy() {
    CudaDriver faulty =
        new ForwardingDriver(build.driver(0, MEMORY)) {
          @Override
          public void launch(String kernel, Grid grid, int threads, Object... arguments) {
            if (kernel.startsWith("rope")) {
              throw new IllegalStateException("too many resources");
            }
            super.launch(kernel, grid, threads, arguments);
          }
        };
    List<Check> failures = failures(faulty);
    assertThat(failures).extracting(Check::group).containsExactly("rope", "ropeAttentionBackward");
    assertThat(failures).allMatch(check -> check.worst().contains("too many resources"));
    assertThat(failures.getFirst().worst()).contains("rotation of 13");
  }
}
