package dev.tallrec.lora;

import dev.tallrec.files.AtomicFiles;
import dev.tallrec.llama.LlamaConfig;
import dev.tallrec.llama.Projection;
import dev.tallrec.safetensors.SafetensorsFile;
import dev.tallrec.safetensors.SafetensorsWriter;
import dev.tallrec.safetensors.TensorInfo;
import dev.tallrec.tensor.Shape;
import dev.tallrec.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Supplier;
import java.util.stream.Collectors;

/**
 * Adapters in the form PEFT reads and writes: adapter_config.json and adapter_model.safetensors.
 */
public final class PeftDirectory {

  private static final String WEIGHTS = "adapter_model.safetensors";

  private PeftDirectory() {}

  /**
   * The configuration of the adapter in {@code directory}, which is put back first where a kill in
   * {@link #write} left it under another name.
   *
   * @throws IOException if it is missing, broken, or uses an option that is not supported
   */
  public static LoraConfig readConfig(Path directory) throws IOException {
    // Only where there is none: beside one that is there, an old one may be that of a writer in
    // the midst of removing it.
    if (!Files.exists(directory)) {
      AtomicFiles.recover(directory);
    }
    return PeftConfigFile.read(directory);
  }

  /** The files that an adapter is read from. */
  public static List<Path> files(Path directory) {
    return List.of(directory.resolve(PeftConfigFile.NAME), directory.resolve(WEIGHTS));
  }

  /**
   * Reads an adapter, converting F16 and BF16 to F32.
   *
   * @param base the model it is for
   * @throws IOException if a file is missing or broken, or a tensor is missing, left over or
   *     misshapen for that base
   */
  public static LoraAdapter read(Path directory, LlamaConfig base) throws IOException {
    return read(directory, base, Arena::ofShared);
  }

  static LoraAdapter read(Path directory, LlamaConfig base, Supplier<Arena> memory)
      throws IOException {
    LoraConfig config = readConfig(directory);
    Path weights = directory.resolve(WEIGHTS);
    if (!Files.exists(weights)) {
      String old = directory.resolve("adapter_model.bin") + "";
      throw new IOException(
          Files.exists(Path.of(old))
              ? old
                  + " is a pickle, which runs code when read: load it in PEFT and save it with"
                  + " safe_serialization=True"
              : directory + " has no " + WEIGHTS);
    }
    try {
      config.checkFor(base);
    } catch (IllegalArgumentException e) {
      throw new IOException(directory.resolve(PeftConfigFile.NAME) + ": " + e.getMessage(), e);
    }
    try (SafetensorsFile file = SafetensorsFile.open(weights)) {
      // What adapter_config.json promises is only worth its memory if the file holds it.
      checkTensors(file, base, config);
      LoraAdapter adapter = LoraAdapter.zeros(memory.get(), base, config);
      try {
        for (Tensor target : adapter.tensors()) {
          copy(file.tensor(target.name()), target);
        }
        return adapter;
      } catch (IOException | RuntimeException | Error e) {
        adapter.close();
        throw e;
      }
    }
  }

  private static void checkTensors(SafetensorsFile file, LlamaConfig base, LoraConfig config)
      throws IOException {
    Set<String> left =
        file.tensors().stream()
            .map(TensorInfo::name)
            .collect(Collectors.toCollection(TreeSet::new));
    for (AdaptedLayer place : config.adaptedIn(base)) {
      int layer = place.layer();
      Projection projection = place.projection();
      checkTensor(
          file,
          left,
          LoraPair.nameOfA(layer, projection),
          LoraPair.shapeOfA(base, config, layer, projection));
      checkTensor(
          file,
          left,
          LoraPair.nameOfB(layer, projection),
          LoraPair.shapeOfB(base, config, layer, projection));
    }
    if (!left.isEmpty()) {
      throw new IOException(
          "%s holds %s, which has no place in this base with these target_modules"
              .formatted(file.path(), left.iterator().next()));
    }
  }

  private static void checkTensor(SafetensorsFile file, Set<String> left, String name, Shape shape)
      throws IOException {
    if (!left.remove(name)) {
      throw new IOException(
          file.path() + " lacks " + name + ", which " + PeftConfigFile.NAME + " promises");
    }
    Tensor tensor = file.tensor(name);
    if (!tensor.shape().equals(shape)) {
      throw new IOException(
          "%s: %s has shape %s, this base needs %s: is the adapter for another base?"
              .formatted(file.path(), name, tensor.shape(), shape));
    }
    if (!tensor.dtype().isWeight()) {
      throw new IOException(
          "%s: %s is %s; F32, F16 or BF16 is needed".formatted(file.path(), name, tensor.dtype()));
    }
  }

  private static void copy(Tensor source, Tensor target) {
    for (long i = 0; i < source.shape().elementCount(); i++) {
      target.setFloatAt(i, source.floatAt(i));
    }
  }

  /**
   * Writes {@code adapter} as a PEFT directory; what was there before is replaced only when the new
   * one is complete.
   *
   * @param baseModel what to call the base, a name or a path
   */
  public static void write(Path directory, LoraAdapter adapter, String baseModel)
      throws IOException {
    AtomicFiles.replaceDirectory(
        directory,
        aside -> {
          Files.write(
              aside.resolve(PeftConfigFile.NAME),
              PeftConfigFile.write(adapter.config(), baseModel));
          SafetensorsWriter.write(
              aside.resolve(WEIGHTS), Map.of("format", "pt"), adapter.tensors());
        });
  }
}
