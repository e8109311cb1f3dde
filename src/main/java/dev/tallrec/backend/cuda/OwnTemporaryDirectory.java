package dev.tallrec.backend.cuda;

import dev.tallrec.files.AtomicFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A temporary directory that only we see, in the place of the machine's, for as long as JCuda
 * unpacks its libraries. It writes them under fixed names and takes what lies there already: what
 * another process is about to write, what one that was killed left of them, or what anybody else
 * put there. The libraries are deleted when the directory closes; those that are loaded stay so.
 */
final class OwnTemporaryDirectory implements AutoCloseable {

  private static final String PROPERTY = "java.io.tmpdir";

  private final String before;
  private final Path directory;

  private OwnTemporaryDirectory(String before, Path directory) {
    this.before = before;
    this.directory = directory;
  }

  static OwnTemporaryDirectory make() throws CudaUnavailableException {
    String before = System.getProperty(PROPERTY);
    try {
      Path directory = Files.createTempDirectory("tallrec-jcuda-");
      System.setProperty(PROPERTY, directory.toString());
      return new OwnTemporaryDirectory(before, directory);
    } catch (IOException e) {
      throw new CudaUnavailableException(
          "cannot make a directory for JCuda's libraries in %s: %s. Name another with -D%s=DIR in JAVA_TOOL_OPTIONS"
              .formatted(before, e.getMessage(), PROPERTY),
          e);
    }
  }

  @Override
  public void close() {
    System.setProperty(PROPERTY, before);
    try {
      AtomicFiles.deleteDirectory(directory);
    } catch (IOException e) {
      // Some megabytes left in the machine's temporary directory harm nothing.
      return;
    }
  }
}
