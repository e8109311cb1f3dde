package dev.tallrec.files;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.jspecify.annotations.Nullable;

/**
 * Keeps other processes, and other threads of this one, away from what they would both write. It
 * ends with the process, however that ends; the empty file that it is held on stays.
 */
public final class ProcessLock implements AutoCloseable {

  private final FileChannel channel;

  private ProcessLock(FileChannel channel) {
    this.channel = channel;
  }

  /**
   * Takes the lock.
   *
   * @param file that it is held on; made if it is not there, with its directory. Nobody else may
   *     open it: to close it anywhere in this process would give the lock up
   * @param what is kept from others, for the message
   * @throws IOException at once if somebody else has it, or where files cannot be locked
   */
  public static ProcessLock take(Path file, Path what) throws IOException {
    Path directory = file.toAbsolutePath().getParent();
    if (directory != null) {
      Files.createDirectories(directory);
    }
    FileChannel channel =
        FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    try {
      if (tryLock(channel, file) == null) {
        throw inUse(what, null);
      }
      return new ProcessLock(channel);
    } catch (OverlappingFileLockException e) {
      channel.close();
      throw inUse(what, e);
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

  private static IOException inUse(Path what, @Nullable Exception cause) {
    return new IOException(
        what + " is in use: another process writes there. Wait for its end, or choose another",
        cause);
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
