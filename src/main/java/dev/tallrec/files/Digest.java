package dev.tallrec.files;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/**
 * SHA-256 over parts, each with its length before it, so that none can reach into the next. Tells
 * contents of one name apart.
 */
public final class Digest {

  private static final int BUFFER = 1 << 16;

  private final MessageDigest digest;

  /** Of no parts yet. */
  public Digest() {
    try {
      digest = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Adds a text. */
  public Digest add(String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    length(bytes.length);
    digest.update(bytes);
    return this;
  }

  /** Adds what a file holds. */
  public Digest add(Path file) throws IOException {
    length(Files.size(file));
    byte[] buffer = new byte[BUFFER];
    try (InputStream bytes = Files.newInputStream(file)) {
      for (int read = bytes.read(buffer); read >= 0; read = bytes.read(buffer)) {
        digest.update(buffer, 0, read);
      }
    }
    return this;
  }

  private void length(long bytes) {
    digest.update((bytes + ":").getBytes(StandardCharsets.UTF_8));
  }

  /** The digest, as sha256sum writes digests. Ends it: parts that are added later are another's. */
  public String hex() {
    return HexFormat.of().formatHex(digest.digest());
  }
}
