package dev.tallrec.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.tallrec.backend.profile.ProfiledDevice;
import dev.tallrec.llama.TokenBatch;
import dev.tallrec.llama.Workspace;
import dev.tallrec.llama.WorkspacePlan;
import dev.tallrec.tensor.DType;
import dev.tallrec.testing.LoadedModel;
import dev.tallrec.train.AdamW;
import dev.tallrec.train.AdamWSettings;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIf;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Steps on a device that computes nothing. */
class PlannedDeviceTest {

  private static final long MEMORY = 1 << 26;
  private static final GpuModel GPU = GpuModel.RTX_3090;

  /** What a launch is, whoever makes it. */
  private record Launch(String name, double flop, long bytes) {
    static Launch of(ProfiledDevice.Event event) {
      return new Launch(event.name(), event.flop(), event.bytes());
    }
  }

  /**
   * Everything that a step of two sequences with a common prefix asks for, one layer recomputed.
   */
  private static List<ProfiledDevice.Event> step(ProfiledDevice device) throws IOException {
    try (LoadedModel model = LoadedModel.golden(device, "A_mha_qv");
        AdamW optimizer = new AdamW(model.device, model.parameters, AdamWSettings.withDecay(0));
        Workspace workspace = model.workspace(WorkspacePlan.forTraining(model.config, 64, 3, 1))) {
      TokenBatch batch = new TokenBatch(64, 3);
      int[] ids = new int[30];
      boolean[] isLabel = new boolean[30];
      int prefix = batch.addExample(ids, isLabel, 0, 9, TokenBatch.NO_PREFIX, 1);
      isLabel[25] = true;
      batch.addExample(ids, isLabel, 9, 26, prefix, 1);
      batch.addExample(ids, isLabel, 9, 30, prefix, 1);
      device.takeEvents();
      model.network.lossAndGradients(workspace, batch, 1, 0.1f, 5);
      optimizer.step(1e-4, 1, 1);
      return device.takeEvents();
    }
  }

  @Test
  @EnabledIf(
      value = "dev.tallrec.backend.cuda.EmulatedDriver#isAvailable",
      disabledReason = "the emulated device needs g++ on x86-64")
  void whatIsPlannedIsWhatIsLaunched() throws IOException {
    List<ProfiledDevice.Event> planned = step(CudaDevice.planned(GPU, DType.F16));
    List<ProfiledDevice.Event> launched =
        step(CudaDevice.profiled(new EmulatedDriver(0, MEMORY), DType.F16));
    assertThat(planned).hasSizeGreaterThan(50);
    assertThat(planned.stream().map(Launch::of).toList())
        .isEqualTo(launched.stream().map(Launch::of).toList());
  }

  @Test
  void aLaunchTakesTheLongerOfItsOperationsAndItsBytes() throws IOException {
    List<ProfiledDevice.Event> events = step(CudaDevice.planned(GPU, DType.F16));
    long clock = events.getFirst().startNanos();
    for (ProfiledDevice.Event event : events) {
      double flop = event.flop() / 71.2e12;
      double bytes = event.isCopy() ? 0 : event.bytes() / 936e9;
      assertThat((double) event.nanos())
          .as(event.name())
          .isCloseTo(1e9 * Math.max(flop, bytes), within(1.0));
      assertThat(event.startNanos()).isBetween(clock - 1, clock + 1);
      clock = event.startNanos() + event.nanos();
    }
  }

  @ParameterizedTest
  @CsvSource({
    "NVIDIA GeForce RTX 3090, RTX_3090",
    "'NVIDIA GeForce RTX 3090 Ti, compute capability 8.6', RTX_3090_TI",
    "NVIDIA A100-SXM4-40GB, A100_40GB",
    "NVIDIA A100-SXM4-80GB, A100_80GB_SXM",
    "NVIDIA A100 80GB PCIe, A100_80GB_PCIE",
    "NVIDIA H100 PCIe, H100_PCIE",
    "NVIDIA H100 80GB HBM3, H100_SXM",
    "h200, H200"
  })
  void modelsAreKnownByTheirDriversNames(String name, GpuModel model) {
    assertThat(GpuModel.named(name)).contains(model);
  }

  @Test
  void othersAreNotKnown() {
    assertThat(GpuModel.named("NVIDIA GeForce RTX 3080")).isEmpty();
    assertThat(GpuModel.named("3090")).isEmpty();
  }
}
