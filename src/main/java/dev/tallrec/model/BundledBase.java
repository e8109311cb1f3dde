package dev.tallrec.model;

import dev.tallrec.files.AtomicFiles;
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

  /** What is done with a base's directory. */
  @FunctionalInterface
  public interface Use<T> {
    T of(Path directory) throws IOException;
  }

  /**
   * Uses this base, if {@code name} is {@link #NAME}, else the directory of that name. This base is
   * in a temporary directory, gone again when this returns; what was mapped of it stays.
   *
   * @throws IOException as {@code use}, or if there is no room in the directory for temporary files
   */
  public static <T> T use(String name, Use<T> use) throws IOException {
    if (!name.equals(NAME)) {
      return use.of(Path.of(name));
    }
    Path temporary = Files.createTempDirectory("tallrec-");
    try {
      return use.of(unpack(temporary));
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
