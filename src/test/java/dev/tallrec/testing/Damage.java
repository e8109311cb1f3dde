package dev.tallrec.testing;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Random;

/** Broken versions of a file, the same in each run, and what must come of reading them. */
public final class Damage {

  /** Something that reads the file. */
  @FunctionalInterface
  public interface Reading {
    void run() throws IOException;
  }

  private static final Duration SLOWEST = Duration.ofSeconds(10);

  /** What a JSON value is replaced by. */
  private static final String[] VALUES = {
    "null",
    "true",
    "false",
    "0",
    "-1",
    "1",
    "2.5",
    "0.5",
    "1e-300",
    "1e300",
    "4194304",
    "2147483647",
    "2147483648",
    "9223372036854775808",
    "\"\"",
    "\"x\"",
    "\" \"",
    "\"((x{9}){9}){9}\"",
    "\"\\ud800\"",
    "\"\\u0000\"",
    "[]",
    "[[]]",
    "[null]",
    "[1, 2]",
    "{}",
    "{\"x\": 1}"
  };

  private Damage() {}

  /**
   * Cuts, wrong bytes, bytes that are missing or too many.
   *
   * @param rounds versions of each of these kinds
   */
  public static List<byte[]> ofBytes(byte[] whole, int rounds) {
    Random random = new Random(whole.length);
    List<byte[]> versions = new ArrayList<>();
    for (int i = 0; i < rounds; i++) {
      versions.add(Arrays.copyOf(whole, (int) ((long) whole.length * i / rounds)));
      byte[] flipped = whole.clone();
      flipped[random.nextInt(whole.length)] ^= (byte) (1 << random.nextInt(8));
      versions.add(flipped);
      byte[] wrong = whole.clone();
      for (int j = 0; j < 4; j++) {
        wrong[random.nextInt(whole.length)] = (byte) random.nextInt(256);
      }
      versions.add(wrong);
      int from = random.nextInt(whole.length);
      int to = from + random.nextInt(Math.min(16, whole.length - from));
      versions.add(joined(Arrays.copyOf(whole, from), Arrays.copyOfRange(whole, to, whole.length)));
      versions.add(joined(Arrays.copyOf(whole, to), Arrays.copyOfRange(whole, from, whole.length)));
    }
    return versions;
  }

  private static byte[] joined(byte[] start, byte[] end) {
    byte[] both = Arrays.copyOf(start, start.length + end.length);
    System.arraycopy(end, 0, both, start.length, end.length);
    return both;
  }

  /** Valid JSON, of which one value is of another kind or not what it should be. */
  public static List<byte[]> ofJson(byte[] whole, int rounds) throws IOException {
    JsonMapper json = new JsonMapper();
    Random random = new Random(whole.length);
    List<byte[]> versions = new ArrayList<>();
    for (int i = 0; i < rounds; i++) {
      JsonNode root = json.readTree(whole);
      replaceOne(root, random, json.readTree(VALUES[random.nextInt(VALUES.length)]));
      versions.add(json.writeValueAsBytes(root));
    }
    return versions;
  }

  /** Goes down from {@code node} by chance, so that what stands high up is replaced often. */
  private static void replaceOne(JsonNode node, Random random, JsonNode value) {
    int place = random.nextInt(node.size());
    List<String> names = new ArrayList<>();
    node.fieldNames().forEachRemaining(names::add);
    JsonNode child = names.isEmpty() ? node.get(place) : node.get(names.get(place));
    if (child.isContainerNode() && !child.isEmpty() && random.nextInt(4) > 0) {
      replaceOne(child, random, value);
    } else if (node instanceof ObjectNode object) {
      object.set(names.get(place), value);
    } else if (node instanceof ArrayNode array) {
      array.set(place, value);
    }
  }

  /**
   * Reads all versions. Each must be read, or refused by an {@link IOException} that names what it
   * should, without delay.
   */
  public static void check(Path file, List<byte[]> versions, String named, Reading reading)
      throws IOException {
    int refused = 0;
    for (byte[] version : versions) {
      Files.write(file, version);
      long start = System.nanoTime();
      try {
        reading.run();
      } catch (IOException e) {
        refused++;
        assertThat(e).as(() -> text(version)).hasMessageContaining(named);
      } catch (RuntimeException | Error e) {
        throw new AssertionError("neither read nor refused: " + text(version), e);
      }
      assertThat(Duration.ofNanos(System.nanoTime() - start))
          .as(() -> text(version))
          .isLessThan(SLOWEST);
    }
    // Else the versions are not broken, or nothing is checked.
    assertThat(refused).isGreaterThan(versions.size() / 20);
  }

  private static String text(byte[] version) {
    return version.length > 20_000
        ? version.length + " bytes"
        : Base64.getEncoder().encodeToString(version);
  }
}
