package dev.tallrec.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MachineTest {

  @Test
  void aFingerprintTellsOfProcessorGpuAndJvm(@TempDir Path proc) throws IOException {
    Files.writeString(
        proc.resolve("cpuinfo"),
        """
        processor\t: 0
        cpu family\t: 25
        model\t\t: 17
        model name\t: A Processor 9
        stepping\t: 1
        flags\t\t: fpu sse4_2 fma avx2 avx512f ht
        processor\t: 1
        model name\t: A Processor 9
        """);
    Path gpu = Files.createDirectories(proc.resolve("driver/nvidia/gpus/0000:01:00.0"));
    Files.writeString(gpu.resolve("information"), "Model: \t\t NVIDIA GeForce RTX 3090\n");
    Files.writeString(
        proc.resolve("driver/nvidia/version"), "NVRM version: NVIDIA Module  550.54\n");
    assertThat(Machine.of(proc, "25", List.of("-Xmx1g", "-ea")))
        .containsEntry("cpu", "A Processor 9")
        .containsEntry("cpu family, model, stepping", "25 17 1")
        .containsEntry("vector flags", "avx2 avx512f fma sse4_2")
        .containsEntry("gpu", "NVIDIA GeForce RTX 3090")
        .containsEntry("gpu driver", "NVIDIA Module  550.54")
        .containsEntry("java options", "-Xmx1g -ea");
  }

  @Test
  void aMachineThatTellsNothingHasAFingerprintToo(@TempDir Path proc) throws IOException {
    Map<String, String> machine = Machine.of(proc, "25", List.of());
    assertThat(machine).containsEntry("cpu", "unknown").containsEntry("gpu", "none");
  }
}
