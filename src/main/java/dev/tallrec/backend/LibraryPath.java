package dev.tallrec.backend;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Where native libraries of the user's are looked for. */
public final class LibraryPath {

  private LibraryPath() {}

  /** The directories of a list such as LD_LIBRARY_PATH, in its order; none if it is not set. */
  public static List<Path> directories(@Nullable String libraryPath) {
    List<Path> directories = new ArrayList<>();
    if (libraryPath != null) {
      for (String directory : libraryPath.split(":")) {
        if (!directory.isEmpty()) {
          directories.add(Path.of(directory));
        }
      }
    }
    return directories;
  }
}
