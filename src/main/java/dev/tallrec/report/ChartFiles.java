package dev.tallrec.report;

import dev.tallrec.files.AtomicFiles;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.text.Normalizer;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * A directory of charts, and in it a list of them as sha256sum writes and reads it. What the list
 * has and a later study lacks is removed, if it still is what was written; nothing else ever is.
 */
final class ChartFiles {

  private static final int LONGEST_NAME = 60;
  private static final String LIST = "charts.sha256";
  private static final Pattern LINE = Pattern.compile("([0-9a-f]{64})  ([a-z0-9-]+\\.png)");

  private final Path directory;

  /** A file's name and the digest of its content. */
  private record Entry(String name, String digest) implements Comparable<Entry> {

    static Entry of(String name, byte[] content) {
      try {
        byte[] digest = MessageDigest.getInstance("SHA-256").digest(content);
        return new Entry(name, HexFormat.of().formatHex(digest));
      } catch (NoSuchAlgorithmException e) {
        throw new IllegalStateException(e);
      }
    }

    String line() {
      return digest + "  " + name + "\n";
    }

    @Override
    public int compareTo(Entry other) {
      return line().compareTo(other.line());
    }
  }

  ChartFiles(Path directory) {
    this.directory = directory;
  }

  /** Writes an image a chart, over those that are there, and removes those of earlier studies. */
  void write(List<Plot> plots) throws IOException {
    Map<String, byte[]> images = new LinkedHashMap<>();
    for (Plot plot : plots) {
      images.put(
          free(plot.title(), images.keySet()) + ".png",
          StudyCharts.titled(plot, ChartTheme.LIGHT, ChartSize.WIDE));
    }
    Set<Entry> written = new TreeSet<>();
    images.forEach((name, image) -> written.add(Entry.of(name, image)));
    Set<Entry> earlier = listed();
    if (written.isEmpty() && earlier.isEmpty()) {
      return;
    }
    // First, so that a kill leaves no chart that is on no list.
    list(Stream.concat(earlier.stream(), written.stream()).collect(Collectors.toSet()));
    for (Map.Entry<String, byte[]> image : images.entrySet()) {
      AtomicFiles.replaceFile(
          directory.resolve(image.getKey()), aside -> Files.write(aside, image.getValue()));
    }
    for (Entry entry : earlier) {
      if (!images.containsKey(entry.name()) && isUnchanged(entry)) {
        Files.delete(directory.resolve(entry.name()));
      }
    }
    list(written);
  }

  private boolean isUnchanged(Entry entry) throws IOException {
    Path file = directory.resolve(entry.name());
    return Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)
        && Entry.of(entry.name(), Files.readAllBytes(file)).equals(entry);
  }

  private Set<Entry> listed() throws IOException {
    Set<Entry> entries = new HashSet<>();
    Path list = directory.resolve(LIST);
    if (Files.exists(list)) {
      for (String line : Files.readString(list, StandardCharsets.ISO_8859_1).split("\n")) {
        Matcher matcher = LINE.matcher(line);
        if (matcher.matches()) {
          entries.add(new Entry(matcher.group(2), matcher.group(1)));
        }
      }
    }
    return entries;
  }

  private void list(Set<Entry> entries) throws IOException {
    String text = entries.stream().sorted().map(Entry::line).collect(Collectors.joining());
    AtomicFiles.replaceFile(directory.resolve(LIST), aside -> Files.writeString(aside, text));
  }

  private static String free(String title, Set<String> taken) {
    String name = name(title);
    String free = name;
    for (int i = 2; taken.contains(free + ".png"); i++) {
      free = name + "-" + i;
    }
    return free;
  }

  /** A title's letters and digits, without accents and in lower case, parted by dashes. */
  private static String name(String title) {
    String name =
        Normalizer.normalize(title, Normalizer.Form.NFKD)
            .replaceAll("\\p{M}", "")
            .toLowerCase(Locale.ROOT)
            .replaceAll("[^a-z0-9]+", "-");
    name = name.substring(0, Math.min(name.length(), LONGEST_NAME)).replaceAll("^-|-$", "");
    return name.isEmpty() ? "chart" : name;
  }
}
