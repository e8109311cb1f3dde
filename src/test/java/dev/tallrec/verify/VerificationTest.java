package dev.tallrec.verify;

import static org.assertj.core.api.Assertions.assertThat;

import dev.tallrec.backend.cpu.CpuDevice;
import dev.tallrec.testing.Fixtures;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

class VerificationTest {

  static final List<String> GOLDEN = Fixtures.GOLDEN;

  @ParameterizedTest
  @FieldSource("GOLDEN")
  void agreesWithPyTorchAndPeft(String fixture) throws Exception {
    try (CpuDevice device = new CpuDevice(2)) {
      List<Check> checks = Verification.run(device, Fixtures.golden(fixture));
      assertThat(checks).isNotEmpty().allMatch(Check::passed);
    }
  }
}
