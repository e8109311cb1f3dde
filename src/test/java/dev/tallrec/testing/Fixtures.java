package dev.tallrec.testing;

import java.io.IOException;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** Where test data are. */
public final class Fixtures {

  /** Golden fixtures, one directory each. */
  public static final List<String> GOLDEN =
      List.of(
          "A_mha_qv",
          "B_gqa_all_tied",
          "C_fp16_sharded_headdim",
          "D_bf16_llama3rope",
          "E_rslora_layers");

  private Fixtures() {}

  /** A file or directory among the test resources. */
  public static Path path(String name) {
    URL url = Fixtures.class.getResource("/" + name);
    if (url == null) {
      throw new IllegalStateException("no test resource " + name);
    }
    try {
      return Path.of(url.toURI());
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  /** A golden fixture's directory. */
  public static Path golden(String name) {
    return path("golden/" + name);
  }

  /** Copies a directory and all in it, for a test to change it; returns the copy. */
  public static Path copy(Path source, Path target) throws IOException {
    Files.createDirectories(target.toAbsolutePath().getParent());
    try (Stream<Path> all = Files.walk(source)) {
      for (Path file : all.toList()) {
        Files.copy(file, target.resolve(source.relativize(file).toString()));
      }
    }
    return target;
  }
}
