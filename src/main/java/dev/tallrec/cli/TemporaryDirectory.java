package dev.tallrec.cli;

import dev.tallrec.safetensors.AtomicFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** A directory that is made when first asked for and removed at the end. */
final class TemporaryDirectory implements AutoCloseable {

  private @Nullable Path path;

  Path path() throws IOException {
    if (path == null) {
      path = Files.createTempDirectory("tallrec-");
      path.toFile().deleteOnExit();
    }
    return path;
  }

  @Override
  public void close() throws IOException {
    if (path != null) {
      AtomicFiles.deleteDirectory(path);
    }
  }
}
