package dev.tallrec.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.tallrec.safetensors.SafetensorsFile;
import dev.tallrec.safetensors.SafetensorsModel;
import dev.tallrec.safetensors.SafetensorsWriter;
import dev.tallrec.safetensors.TensorInfo;
import dev.tallrec.tensor.DType;
import dev.tallrec.tensor.Tensor;
import dev.tallrec.testing.Fixtures;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

/** Merged models against PEFT's merged weights, and what cannot be merged. */
class MergedModelTest {

  private static final Path FP16 = Fixtures.golden("C_fp16_sharded_headdim");

  @TempDir private Path directory;

  private Path merge(Path base, Path adapter) throws IOException {
    Path target = directory.resolve("merged");
    MergedModel.write(base, adapter, target, (done, all) -> {});
    return target;
  }

  /** Relative rounding error of a type. */
  private static double rounding(DType type) {
    return switch (type) {
      case F16 -> 0x1p-11;
      case BF16 -> 0x1p-8;
      default -> 1e-6;
    };
  }

  private static List<String> names(Path parent) throws IOException {
    try (Stream<Path> files = Files.list(parent)) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }

  @ParameterizedTest
  @FieldSource("dev.tallrec.testing.Fixtures#GOLDEN")
  void weightsAreThoseThatPeftMergesAndAllElseTheBases(String name) throws IOException {
    Path fixture = Fixtures.golden(name);
    List<String> steps = new ArrayList<>();
    Path target = directory.resolve("merged");
    MergedModel.write(
        fixture.resolve("model"),
        fixture.resolve("adapter"),
        target,
        (done, all) -> steps.add(done + "/" + all));
    assertThat(names(target)).isEqualTo(names(fixture.resolve("model")));
    int compared = 0;
    int changed = 0;
    try (SafetensorsFile golden = SafetensorsFile.open(fixture.resolve("golden.safetensors"));
        SafetensorsModel base = SafetensorsModel.open(fixture.resolve("model"));
        SafetensorsModel merged = SafetensorsModel.open(target)) {
      assertThat(merged.infos()).isEqualTo(base.infos());
      for (TensorInfo info : merged.infos()) {
        Tensor weight = merged.tensor(info.name());
        if (weight.segment().mismatch(base.tensor(info.name()).segment()) >= 0) {
          changed++;
          assertThat(info.name()).endsWith("_proj.weight");
        }
        if (golden.contains("merged." + info.name())) {
          compared++;
          float[] expected = golden.tensor("merged." + info.name()).toFloats();
          float[] values = weight.toFloats();
          for (int i = 0; i < values.length; i++) {
            double error = Math.abs(expected[i]) * rounding(weight.dtype()) + 1e-6;
            assertThat((double) values[i]).isCloseTo(expected[i], within(error));
          }
        }
      }
    }
    assertThat(compared).isPositive();
    assertThat(changed).isGreaterThanOrEqualTo(compared).isEqualTo(steps.size());
    assertThat(steps.getLast()).isEqualTo(changed + "/" + changed);
  }

  @Test
  void filesOfOtherFormatsAreNotCopied() throws IOException {
    Path base = copyOfFp16();
    Files.writeString(base.resolve("LICENSE"), "terms");
    Files.writeString(base.resolve("consolidated.00.pth"), "a pickle");
    Files.writeString(base.resolve(".cache"), "");
    Path target = merge(base, FP16.resolve("adapter"));
    assertThat(target.resolve("LICENSE")).hasContent("terms");
    assertThat(names(target)).doesNotContain("consolidated.00.pth", ".cache");
  }

  @Test
  void whatIsThereStays() throws IOException {
    Path target = Files.createDirectory(directory.resolve("merged"));
    Files.writeString(target.resolve("mine"), "");
    assertThatThrownBy(() -> merge(FP16.resolve("model"), FP16.resolve("adapter")))
        .isInstanceOf(FileAlreadyExistsException.class)
        .hasMessageContaining("merged");
    assertThat(names(target)).containsExactly("mine");
  }

  @Test
  void weightsThatHaveNoRoomInTheBasesTypeAreNamedAndNothingIsLeft() throws IOException {
    Path adapter = Fixtures.copy(FP16.resolve("adapter"), directory.resolve("adapter"));
    Path matrices = adapter.resolve("adapter_model.safetensors");
    try (SafetensorsFile file = SafetensorsFile.open(matrices)) {
      SafetensorsWriter.copy(
          file, matrices, (info, arena) -> Optional.of(allOf(file, info, arena, 1000)));
    }
    assertThatThrownBy(() -> merge(FP16.resolve("model"), adapter))
        .isInstanceOf(IOException.class)
        .hasMessageMatching("model\\.layers\\..*_proj\\.weight: element 0 is Infinity.* in F16");
    assertThat(names(directory)).containsExactly("adapter");
  }

  private static Tensor allOf(SafetensorsFile file, TensorInfo info, Arena arena, float value)
      throws IOException {
    Tensor stored = file.tensor(info.name());
    Tensor other = Tensor.allocate(arena, info.name(), stored.dtype(), info.shape());
    for (long i = 0; i < info.shape().elementCount(); i++) {
      other.setFloatAt(i, value);
    }
    return other;
  }

  @Test
  void aWeightOfAnotherConfigurationIsNamedBeforeAnythingIsWritten() throws IOException {
    Path base = Files.createDirectory(directory.resolve("base"));
    Files.copy(FP16.resolve("model/config.json"), base.resolve("config.json"));
    try (SafetensorsModel model = SafetensorsModel.open(FP16.resolve("model"));
        Arena arena = Arena.ofShared()) {
      List<Tensor> tensors = new ArrayList<>();
      for (TensorInfo info : model.infos()) {
        Tensor weight = model.tensor(info.name());
        tensors.add(
            info.name().endsWith("layers.1.self_attn.q_proj.weight")
                ? Tensor.allocate(arena, info.name(), DType.I16, info.shape())
                : weight);
      }
      SafetensorsWriter.write(base.resolve("model.safetensors"), Map.of(), tensors);
    }
    assertThatThrownBy(() -> merge(base, FP16.resolve("adapter")))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("layers.1.self_attn.q_proj.weight is I16");
    assertThat(names(directory)).containsExactly("base");
  }

  @Test
  void anAdapterOfAnotherBaseIsRefused() {
    assertThatThrownBy(
            () -> merge(FP16.resolve("model"), Fixtures.golden("A_mha_qv").resolve("adapter")))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("adapter_model.safetensors");
    assertThat(directory).isEmptyDirectory();
  }

  private Path copyOfFp16() throws IOException {
    return Fixtures.copy(FP16.resolve("model"), directory.resolve("base"));
  }
}
