package dev.tallrec.backend.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.tallrec.tensor.DType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledIf;
import org.junit.jupiter.api.io.TempDir;

/**
 * What can be known without a GPU: that its absence is said, and that libraries are found where
 * users have them.
 */
class CudaAvailabilityTest {

  static boolean hasDriver() {
    return Files.exists(Path.of("/proc/driver/nvidia/version"));
  }

  @Test
  @DisabledIf(value = "hasDriver", disabledReason = "there is a GPU")
  void aMissingDriverIsSaidInWords() {
    assertThatThrownBy(() -> CudaDevice.open(0, DType.F16).close())
        .isInstanceOf(CudaUnavailableException.class)
        .hasMessageContaining("--device cpu");
  }

  @Test
  void ofToolkitsTheMachinesChoiceComesFirstThenTheNewest(@TempDir Path directory)
      throws IOException {
    for (String toolkit : List.of("cuda-9.2", "cuda-12.6", "cuda-12.10", "cuda", "cuda-13")) {
      Files.createDirectories(directory.resolve(toolkit).resolve("lib64"));
    }
    Files.createDirectories(directory.resolve("cuda-14"));
    List<Path> places = new ArrayList<>();
    CublasLibrary.addMatches(places, directory, "cuda*", "lib64");
    assertThat(places)
        .extracting(place -> directory.relativize(place).toString())
        .containsExactly(
            "cuda/lib64", "cuda-13/lib64", "cuda-12.10/lib64", "cuda-12.6/lib64", "cuda-9.2/lib64");
  }

  @Test
  void whatDoesNotLoadLeavesItToTheOthersAndAllAreNamed(@TempDir Path directory) throws Exception {
    List<Path> places = new ArrayList<>();
    for (String name : List.of("libcublas.so.12", "libcublas.so.12", "libcublas.so.13")) {
      Path place = Files.createDirectories(directory.resolve("place" + places.size()));
      Files.writeString(place.resolve(name), "no library");
      places.add(place);
    }
    List<String> broken = new ArrayList<>();
    assertThat(CublasLibrary.load(places, broken)).isEmpty();
    assertThat(broken).hasSize(3);
    assertThat(broken.get(0)).startsWith(places.get(0).resolve("libcublas.so.12") + ": ");
    assertThat(broken.get(1)).startsWith(places.get(1).resolve("libcublas.so.12") + ": ");
    assertThat(broken.get(2)).startsWith(places.get(2).resolve("libcublas.so.13") + ": ");
  }

  @Test
  void findsCublasOfToolkitsCondaAndWheels(@TempDir Path directory) throws IOException {
    Path conda = directory.resolve("conda");
    Path wheel = directory.resolve("venv/lib/python3.12/site-packages/nvidia/cublas/lib");
    Path path = directory.resolve("own");
    for (Path place : List.of(conda.resolve("lib"), wheel, path)) {
      Files.createDirectories(place);
    }
    List<Path> places =
        CublasLibrary.places(path + ":", conda.toString(), directory.resolve("venv").toString());
    assertThat(places).contains(conda.resolve("lib"), wheel).startsWith(path);
    Files.createFile(wheel.resolve("libcublas.so.12"));
    assertThat(CublasLibrary.find(places, "libcublas.so.12"))
        .contains(wheel.resolve("libcublas.so.12"));
    Files.createFile(path.resolve("libcublas.so.12"));
    assertThat(CublasLibrary.find(places, "libcublas.so.12"))
        .contains(path.resolve("libcublas.so.12"));
    assertThat(CublasLibrary.find(places, "libcublas.so.99")).isEmpty();
    // LD_LIBRARY_PATH and PATH may have relative directories, and only absolute paths can be
    // loaded.
    Path relative = Path.of("").toAbsolutePath().relativize(path.toAbsolutePath());
    assertThat(CublasLibrary.find(List.of(relative), "libcublas.so.12"))
        .hasValueSatisfying(found -> assertThat(found).isAbsolute().exists());
  }
}
