package dev.tallrec.model;

import dev.tallrec.files.AtomicFiles;
import dev.tallrec.llama.LlamaConfig;
import dev.tallrec.llama.LlamaConfigReader;
import dev.tallrec.llama.WeightSource;
import dev.tallrec.lora.LoraAdapter;
import dev.tallrec.lora.LoraMerge;
import dev.tallrec.lora.LoraPair;
import dev.tallrec.lora.PeftDirectory;
import dev.tallrec.safetensors.SafetensorsFile;
import dev.tallrec.safetensors.SafetensorsModel;
import dev.tallrec.safetensors.SafetensorsWriter;
import dev.tallrec.safetensors.TensorInfo;
import dev.tallrec.tensor.Shape;
import dev.tallrec.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.stream.LongStream;
import java.util.stream.Stream;

/**
 * A base with an adapter folded in, as a Hugging Face directory that any program reads without
 * knowing of LoRA: the base's files and dtypes, one weight in memory at a time.
 */
public final class MergedModel {

  /** Told of each weight that is merged. */
  @FunctionalInterface
  public interface Progress {
    void merged(int done, int all);
  }

  private static final List<String> WEIGHT_FILES =
      List.of(
          ".safetensors",
          ".safetensors.index.json",
          ".bin",
          ".bin.index.json",
          ".pt",
          ".pth",
          ".gguf",
          ".h5",
          ".msgpack");

  private final SafetensorsModel base;
  private final LoraAdapter adapter;
  private final Progress progress;
  private final Map<String, LoraPair> pairs = new HashMap<>();
  private int done;

  private MergedModel(SafetensorsModel base, LoraAdapter adapter, Progress progress) {
    this.base = base;
    this.adapter = adapter;
    this.progress = progress;
    adapter.pairs().forEach(pair -> pairs.put(pair.projection().weightName(pair.layer()), pair));
  }

  /**
   * Writes it and returns how many weights were merged. The target is there when all of it is, or
   * not at all.
   *
   * @param base a Hugging Face directory
   * @param adapter a PEFT directory
   * @throws IOException naming the file and the tensor if something is missing, does not belong
   *     together, or has no room in the base's dtype; if {@code target} exists
   */
  public static int write(Path base, Path adapter, Path target, Progress progress)
      throws IOException {
    if (Files.exists(target)) {
      throw new FileAlreadyExistsException(target.toString());
    }
    LlamaConfig config = LlamaConfigReader.read(base);
    try (LoraAdapter read = PeftDirectory.read(adapter, config);
        SafetensorsModel weights = SafetensorsModel.open(base)) {
      MergedModel merged = new MergedModel(weights, read, progress);
      merged.checkBase(config);
      AtomicFiles.replaceDirectory(
          target,
          aside -> {
            copyOtherFiles(base, aside);
            merged.writeWeights(base, aside);
          });
      return merged.done;
    }
  }

  /** What would only be found out after gigabytes are written. */
  private void checkBase(LlamaConfig config) throws IOException {
    WeightSource weights = base::tensor;
    Map<String, Shape> expected = config.expectedTensors();
    for (String name : pairs.keySet()) {
      weights.checked(name, Objects.requireNonNull(expected.get(name)));
    }
  }

  /** Configuration, tokenizer, model card, terms. */
  private static void copyOtherFiles(Path base, Path target) throws IOException {
    try (Stream<Path> files = Files.list(base)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        String name = file.getFileName().toString();
        String lowerCase = name.toLowerCase(Locale.ROOT);
        if (!name.startsWith(".") && WEIGHT_FILES.stream().noneMatch(lowerCase::endsWith)) {
          Files.copy(file, target.resolve(name));
        }
      }
    }
  }

  private void writeWeights(Path from, Path target) throws IOException {
    for (SafetensorsFile file : base.files()) {
      SafetensorsWriter.copy(file, target.resolve(file.path().getFileName()), this::replacement);
    }
    if (!Files.exists(from.resolve(SafetensorsModel.SINGLE))) {
      Files.copy(from.resolve(SafetensorsModel.INDEX), target.resolve(SafetensorsModel.INDEX));
    }
  }

  private Optional<Tensor> replacement(TensorInfo info, Arena arena) throws IOException {
    LoraPair pair = pairs.get(info.name());
    if (pair == null) {
      return Optional.empty();
    }
    Tensor weight = base.tensor(info.name());
    Tensor merged =
        LoraMerge.merge(
            weight,
            pair,
            adapter.config().scale(pair.layer(), pair.projection()),
            weight.dtype(),
            arena);
    OptionalLong notFinite =
        LongStream.range(0, merged.shape().elementCount())
            .parallel()
            .filter(i -> !Float.isFinite(merged.floatAt(i)))
            .findFirst();
    if (notFinite.isPresent()) {
      long i = notFinite.getAsLong();
      throw new IOException(
          "%s: element %d is %s when merged, %s before it, in %s"
              .formatted(info.name(), i, merged.floatAt(i), weight.floatAt(i), weight.dtype()));
    }
    done++;
    progress.merged(done, pairs.size());
    return Optional.of(merged);
  }
}
