package dev.tallrec.cli;

import dev.tallrec.model.BundledBase;
import picocli.CommandLine.Option;

/** Which base model. */
final class BaseOption {

  @Option(
      names = "--base",
      paramLabel = "DIR",
      description =
          "Base model: a Hugging Face directory (default: ${DEFAULT-VALUE}, which comes with this program).")
  private String base = BundledBase.NAME;

  /** A directory, or {@link BundledBase#NAME}. */
  String name() {
    return base;
  }
}
