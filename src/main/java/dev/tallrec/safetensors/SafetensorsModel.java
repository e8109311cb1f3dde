package dev.tallrec.safetensors;

import com.fasterxml.jackson.databind.JsonNode;
import dev.tallrec.json.JsonFiles;
import dev.tallrec.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.SequencedSet;

/** The weights of a Hugging Face directory: one file, or shards named by an index. */
public final class SafetensorsModel implements AutoCloseable {

  /** A directory's only file of weights. */
  public static final String SINGLE = "model.safetensors";

  /** Where a directory without it says what is in which shard. */
  public static final String INDEX = "model.safetensors.index.json";

  private static final long LARGEST_INDEX = 1 << 22;

  private final Path directory;
  private final Map<String, SafetensorsFile> shards = new LinkedHashMap<>();
  private final Map<String, SafetensorsFile> fileByTensor = new LinkedHashMap<>();

  private SafetensorsModel(Path directory) {
    this.directory = directory;
  }

  /**
   * Opens a directory, or a single file.
   *
   * @throws IOException if files are missing or break the format's rules
   */
  public static SafetensorsModel open(Path path) throws IOException {
    SafetensorsModel model = new SafetensorsModel(path);
    try {
      if (Files.isRegularFile(path)) {
        model.addWhole(path);
      } else if (Files.isRegularFile(path.resolve(SINGLE))) {
        model.addWhole(path.resolve(SINGLE));
      } else if (Files.isRegularFile(path.resolve(INDEX))) {
        model.addShards(path.resolve(INDEX));
      } else if (!Files.exists(path)) {
        throw new SafetensorsException(path + " does not exist");
      } else {
        throw new SafetensorsException(
            Files.isRegularFile(path.resolve("pytorch_model.bin"))
                ? path
                    + " has only pytorch_model.bin, a pickle: load it in transformers and"
                    + " save_pretrained(..., safe_serialization=True)"
                : path + " has neither " + SINGLE + " nor " + INDEX);
      }
      return model;
    } catch (IOException | RuntimeException | Error e) {
      model.close();
      throw e;
    }
  }

  private void addWhole(Path file) throws IOException {
    SafetensorsFile shard = SafetensorsFile.open(file);
    shards.put(file.toString(), shard);
    shard.tensors().forEach(tensor -> fileByTensor.put(tensor.name(), shard));
  }

  private void addShards(Path index) throws IOException {
    JsonNode map =
        JsonFiles.readObject(index, LARGEST_INDEX, "an index of shards").path("weight_map");
    if (!map.isObject() || map.isEmpty()) {
      throw new SafetensorsException(index + " has no weight_map");
    }
    for (Map.Entry<String, JsonNode> entry : map.properties()) {
      String tensor = entry.getKey();
      SafetensorsFile shard = shard(index, entry.getValue());
      if (!shard.contains(tensor)) {
        throw new SafetensorsException(
            "%s says %s is in %s, but it is not".formatted(index, tensor, shard.path()));
      }
      fileByTensor.put(tensor, shard);
    }
    for (SafetensorsFile shard : shards.values()) {
      for (TensorInfo tensor : shard.tensors()) {
        if (fileByTensor.get(tensor.name()) != shard) {
          throw new SafetensorsException(
              "%s holds %s, which %s places elsewhere or not at all"
                  .formatted(shard.path(), tensor.name(), index));
        }
      }
    }
  }

  private SafetensorsFile shard(Path index, JsonNode node) throws IOException {
    String name = node.isTextual() ? node.textValue() : "";
    if (name.isEmpty()
        || name.contains("/")
        || name.contains("\\")
        || name.equals("..")
        || name.indexOf(0) >= 0) {
      throw notAPlainName(index, node);
    }
    SafetensorsFile open = shards.get(name);
    if (open == null) {
      Path file;
      try {
        file = directory.resolve(name);
      } catch (InvalidPathException e) {
        throw notAPlainName(index, node);
      }
      if (!Files.isRegularFile(file)) {
        throw new SafetensorsException(file + " is missing: " + index + " says it holds weights");
      }
      open = SafetensorsFile.open(file);
      shards.put(name, open);
    }
    return open;
  }

  private static SafetensorsException notAPlainName(Path index, JsonNode node) {
    return new SafetensorsException(
        "%s names a shard %s: only plain file names in the same directory are allowed"
            .formatted(index, node));
  }

  /** The files that hold the weights. */
  public List<SafetensorsFile> files() {
    return List.copyOf(shards.values());
  }

  /** Names of all tensors. */
  public SequencedSet<String> names() {
    return new LinkedHashSet<>(fileByTensor.keySet());
  }

  /** All tensors, file by file. */
  public List<TensorInfo> infos() {
    return shards.values().stream().flatMap(shard -> shard.tensors().stream()).toList();
  }

  /**
   * A view of the tensor, valid until this model is closed.
   *
   * @throws SafetensorsException if there is none, or it is of a dtype we do not know
   */
  public Tensor tensor(String name) throws SafetensorsException {
    SafetensorsFile file = fileByTensor.get(name);
    if (file == null) {
      throw new SafetensorsException(directory + " has no tensor " + name);
    }
    return file.tensor(name);
  }

  @Override
  public void close() {
    shards.values().forEach(SafetensorsFile::close);
    shards.clear();
  }
}
