package dev.tallrec.files;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;

/**
 * Files and directories that are replaced whole or not at all, and survive a power cut once
 * replaced.
 */
public final class AtomicFiles {

  /** Something that fills a path. */
  @FunctionalInterface
  public interface Filler {
    void fill(Path path) throws IOException;
  }

  private static final String ASIDE = ".new";
  // Directories that may be deleted with all they hold: names that nobody gives to anything else.
  private static final String DIRECTORY_ASIDE = ".tallrec-new";
  private static final String DIRECTORY_OLD = ".tallrec-old";
  private static final AtomicLong WRITES = new AtomicLong();

  private AtomicFiles() {}

  /**
   * Replaces a file: {@code filler} writes another one beside it, which is synced and renamed over
   * it. If anything fails the old file stays and the other one is removed. Of a symbolic link it is
   * the file that it leads to.
   *
   * @throws IOException also where {@link #requireReplaceable} does
   */
  public static void replaceFile(Path link, Filler filler) throws IOException {
    requireReplaceable(link);
    Path target = behind(link);
    Path directory = parent(target);
    Files.createDirectories(directory);
    // Not a temporary file, which others could not read after it has taken the target's place.
    Path aside =
        directory.resolve(
            ".%s.%d-%d%s"
                .formatted(
                    target.getFileName(),
                    ProcessHandle.current().pid(),
                    WRITES.incrementAndGet(),
                    ASIDE));
    // What an earlier process of this number left when it was killed.
    Files.deleteIfExists(aside);
    Files.createFile(aside);
    try {
      filler.fill(aside);
      sync(aside, StandardOpenOption.WRITE);
      Files.move(
          aside, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
      sync(directory, StandardOpenOption.READ);
    } finally {
      Files.deleteIfExists(aside);
    }
  }

  /**
   * Checks what can be checked before the content is computed.
   *
   * @throws IOException where the target is neither a file nor free: a device, a directory
   */
  public static void requireReplaceable(Path target) throws IOException {
    if (Files.exists(target) && !Files.isRegularFile(target)) {
      throw new IOException(target + " is no file that could be replaced by another one");
    }
  }

  /**
   * Replaces a directory: {@code filler} fills another one beside it, which takes its name when
   * complete. A kill in the moment between the two renames leaves the old one as {@code
   * .NAME.tallrec-old}; {@link #recover}, which readers have to call where there is none, puts it
   * back. Of a symbolic link it is the directory that it leads to.
   *
   * @throws IOException also where the target is something else than a directory
   */
  public static void replaceDirectory(Path link, Filler filler) throws IOException {
    recover(link);
    Path target = behind(link);
    if (Files.exists(target) && !Files.isDirectory(target)) {
      throw new IOException(link + " is no directory that could be replaced by another one");
    }
    Path directory = parent(target);
    Files.createDirectories(directory);
    Path aside = beside(target, DIRECTORY_ASIDE);
    Path old = beside(target, DIRECTORY_OLD);
    deleteDirectory(aside);
    try {
      Files.createDirectory(aside);
      filler.fill(aside);
      try (Stream<Path> files = Files.list(aside)) {
        for (Path file : files.toList()) {
          sync(file, StandardOpenOption.READ);
        }
      }
      sync(aside, StandardOpenOption.READ);
      if (Files.exists(target)) {
        Files.move(target, old, StandardCopyOption.ATOMIC_MOVE);
      }
      Files.move(aside, target, StandardCopyOption.ATOMIC_MOVE);
      sync(directory, StandardOpenOption.READ);
      deleteDirectory(old);
    } finally {
      deleteDirectory(aside);
    }
  }

  /**
   * Ends what a kill within {@link #replaceDirectory} left undone: afterwards target is whole or
   * absent.
   */
  public static void recover(Path link) throws IOException {
    Path target = behind(link);
    Path old = beside(target, DIRECTORY_OLD);
    if (Files.isDirectory(old)) {
      if (Files.exists(target)) {
        deleteDirectory(old);
      } else {
        Files.move(old, target, StandardCopyOption.ATOMIC_MOVE);
      }
    }
  }

  /** What a path leads to, itself if nothing is there. */
  private static Path behind(Path path) throws IOException {
    return Files.exists(path) ? path.toRealPath() : path;
  }

  private static Path beside(Path target, String suffix) {
    return parent(target).resolve("." + target.getFileName() + suffix);
  }

  private static Path parent(Path path) {
    Path parent = path.toAbsolutePath().getParent();
    if (parent == null) {
      throw new IllegalArgumentException(path + " has no parent directory");
    }
    return parent;
  }

  /** Removes a directory with all it holds, if it exists. */
  public static void deleteDirectory(Path directory) throws IOException {
    if (!Files.exists(directory)) {
      return;
    }
    List<Path> deepestFirst;
    try (Stream<Path> all = Files.walk(directory)) {
      deepestFirst = all.sorted(Comparator.reverseOrder()).toList();
    }
    for (Path path : deepestFirst) {
      Files.delete(path);
    }
  }

  private static void sync(Path path, StandardOpenOption mode) throws IOException {
    try (FileChannel channel = FileChannel.open(path, mode)) {
      channel.force(true);
    }
  }
}
