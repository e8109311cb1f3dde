package dev.tallrec.model;

import dev.tallrec.backend.Device;
import dev.tallrec.safetensors.AtomicFiles;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** The small base model inside this program, for runs that name no other. */
public final class BundledBase {

  /** What to call it. */
  public static final String NAME = "tallrec-mini-base";

  private static final List<String> FILES =
      List.of(
          "config.json",
          "generation_config.json",
          "model.safetensors",
          "tokenizer.model",
          "tokenizer_config.json",
          "README.md");

  private BundledBase() {}

  /**
   * Opens it. Weights must be in a file to be mapped; the file is gone again when this returns, the
   * mapping stays.
   *
   * @throws IOException if there is no room for it in the directory for temporary files
   */
  static BaseModel open(Device device) throws IOException {
    Path temporary = Files.createTempDirectory("tallrec-");
    try {
      return BaseModel.open(device, unpack(temporary));
    } finally {
      AtomicFiles.deleteDirectory(temporary);
    }
  }

  /**
   * Unpacks it.
   *
   * @param target where its directory is made
   * @return the model's directory
   */
  public static Path unpack(Path target) throws IOException {
    Path directory = Files.createDirectories(target.resolve(NAME));
    for (String file : FILES) {
      try (InputStream bytes =
          BundledBase.class.getResourceAsStream("/models/" + NAME + "/" + file)) {
        if (bytes == null) {
          throw new IOException("this build lacks models/" + NAME + "/" + file);
        }
        Files.copy(bytes, directory.resolve(file));
      }
    }
    return directory;
  }
}
