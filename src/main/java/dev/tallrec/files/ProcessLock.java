package dev.tallrec.files;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * Keeps other processes, and other threads of this one, away from what they would both write. It
 * ends with the process, however that ends; the empty file that it is held on stays.
 */
public final class ProcessLock implements AutoCloseable {

  /** Files of this process's locks: to open and close one again would give its lock up. */
  private static final Set<Path> HELD = ConcurrentHashMap.newKeySet();

  private static final String OF_DIRECTORY = ".lock";

  private final FileChannel channel;
  private final Path held;

  private ProcessLock(FileChannel channel, Path held) {
    this.channel = channel;
    this.held = held;
  }

  /**
   * Takes the lock of a directory that is one process's at a time, on a file in it.
   *
   * @throws IOException as {@link #take} does
   */
  public static ProcessLock ofDirectory(Path directory) throws IOException {
    return take(directory.resolve(OF_DIRECTORY), directory);
  }

  /**
   * Takes the lock.
   *
   * @param file that it is held on; made if it is not there, with its directory. Nothing else in
   *     this process may open it: to close it would give the lock up
   * @param what is kept from others, for the message
   * @throws IOException at once if somebody else has it, or where files cannot be locked
   */
  public static ProcessLock take(Path file, Path what) throws IOException {
    Path name = file.getFileName();
    Path directory = file.toAbsolutePath().getParent();
    if (name == null || directory == null) {
      throw new IOException(file + " is no file that a lock could be held on");
    }
    Files.createDirectories(directory);
    Path held = directory.toRealPath().resolve(name);
    if (!HELD.add(held)) {
      throw inUse(what);
    }
    try {
      return new ProcessLock(locked(file, what), held);
    } catch (IOException | RuntimeException e) {
      HELD.remove(held);
      throw e;
    }
  }

  private static FileChannel locked(Path file, Path what) throws IOException {
    FileChannel channel =
        FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    try {
      if (tryLock(channel, file) == null) {
        throw inUse(what);
      }
      return channel;
    } catch (IOException | RuntimeException e) {
      channel.close();
      throw e;
    }
  }

  private static @Nullable FileLock tryLock(FileChannel channel, Path file) throws IOException {
    try {
      return channel.tryLock();
    } catch (IOException e) {
      throw new IOException(
          "%s cannot be locked (%s): use a file system that has locks"
              .formatted(file, e.getMessage()),
          e);
    }
  }

  private static IOException inUse(Path what) {
    return new IOException(
        what + " is in use: another process writes there. Wait for its end, or choose another");
  }

  @Override
  public void close() throws IOException {
    try {
      channel.close();
    } finally {
      HELD.remove(held);
    }
  }
}
