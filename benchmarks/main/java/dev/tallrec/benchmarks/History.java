package dev.tallrec.benchmarks;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Results over time: JSON lines, to which is only ever added. */
final class History {

  private static final JsonMapper JSON =
      JsonMapper.builder()
          .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
          .enable(DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  private final Path file;

  History(Path file) {
    this.file = file;
  }

  /**
   * All entries, as they were added.
   *
   * @throws IOException naming the first line that is none
   */
  List<HistoryEntry> read() throws IOException {
    return parse(Files.readString(file));
  }

  private List<HistoryEntry> parse(String text) throws IOException {
    List<HistoryEntry> entries = new ArrayList<>();
    int number = 0;
    for (String line : text.lines().toList()) {
      number++;
      entries.add(parse(line, number));
    }
    return entries;
  }

  private HistoryEntry parse(String line, int number) throws IOException {
    try {
      HistoryEntry entry = JSON.readValue(line, HistoryEntry.class);
      if (entry != null) {
        return entry;
      }
    } catch (JsonProcessingException e) {
      throw new IOException(file + ":" + number + ": " + e.getOriginalMessage(), e);
    }
    throw new IOException(file + ":" + number + ": no entry");
  }

  /**
   * Adds entries, all or none.
   *
   * @throws IOException if one of them is in there already, or what is in there cannot be read
   */
  void append(List<HistoryEntry> entries) throws IOException {
    Path directory = file.toAbsolutePath().getParent();
    if (directory != null) {
      Files.createDirectories(directory);
    }
    try (FileChannel channel =
            FileChannel.open(
                file,
                StandardOpenOption.CREATE,
                StandardOpenOption.READ,
                StandardOpenOption.WRITE);
        // Two at a time would both find the record missing.
        FileLock _ = channel.lock()) {
      long end = channel.size();
      refuseKnown(entries, parse(text(channel, end)));
      try {
        write(channel, end, lines(entries, end > 0 && !endsALine(channel, end)));
        channel.force(true);
      } catch (IOException e) {
        channel.truncate(end);
        throw e;
      }
    }
  }

  /** All of the file, by the channel that holds the lock: to close another one would give it up. */
  private String text(FileChannel channel, long end) throws IOException {
    if (end > Integer.MAX_VALUE - 8) {
      throw new IOException(file + " is larger than 2 GiB");
    }
    ByteBuffer bytes = ByteBuffer.allocate((int) end);
    while (bytes.hasRemaining()) {
      if (channel.read(bytes, bytes.position()) < 0) {
        throw new EOFException(file + " became shorter while it was read");
      }
    }
    return StandardCharsets.UTF_8.newDecoder().decode(bytes.flip()).toString();
  }

  private void refuseKnown(List<HistoryEntry> entries, List<HistoryEntry> present)
      throws IOException {
    Set<HistoryEntry.Key> known = new HashSet<>();
    present.forEach(entry -> known.add(entry.key()));
    for (HistoryEntry entry : entries) {
      if (!known.add(entry.key())) {
        throw new IOException(
            "%s of %s at %s is in %s already"
                .formatted(entry.benchmark(), entry.commit(), entry.date(), file));
      }
    }
  }

  private static byte[] lines(List<HistoryEntry> entries, boolean newLineFirst)
      throws JsonProcessingException {
    StringBuilder text = new StringBuilder(newLineFirst ? "\n" : "");
    for (HistoryEntry entry : entries) {
      text.append(JSON.writeValueAsString(entry)).append('\n');
    }
    return text.toString().getBytes(StandardCharsets.UTF_8);
  }

  private static boolean endsALine(FileChannel channel, long end) throws IOException {
    ByteBuffer last = ByteBuffer.allocate(1);
    channel.read(last, end - 1);
    return last.get(0) == '\n';
  }

  private static void write(FileChannel channel, long end, byte[] bytes) throws IOException {
    ByteBuffer left = ByteBuffer.wrap(bytes);
    while (left.hasRemaining()) {
      channel.write(left, end + left.position());
    }
  }
}
