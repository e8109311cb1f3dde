package dev.tallrec.cli;

import dev.tallrec.model.BundledBase;
import dev.tallrec.model.MergedModel;
import dev.tallrec.safetensors.AtomicFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Makes one model of a base and an adapter. */
@Command(
    name = "merge",
    mixinStandardHelpOptions = true,
    description = {
      "Folds an adapter into its base: a Hugging Face directory of the base's files and types that other programs"
          + " read without PEFT, and --base does here.",
      "Weights are rounded to the base's type, so that scores differ a little from those of base and adapter."
    })
final class MergeCommand implements Callable<Integer> {

  @Option(
      names = "--base",
      paramLabel = "DIR",
      description =
          "Base model: a Hugging Face directory (default: ${DEFAULT-VALUE}, which comes with this program).")
  private String base = BundledBase.NAME;

  @Option(
      names = "--adapter",
      paramLabel = "DIR",
      required = true,
      description = "LoRA adapter: a PEFT directory.")
  private Path adapter = Path.of("");

  @Option(
      names = "--out",
      paramLabel = "DIR",
      required = true,
      description = "Where the model goes; must not exist yet.")
  private Path out = Path.of("");

  @Override
  public Integer call() throws IOException {
    if (!base.equals(BundledBase.NAME)) {
      merge(Path.of(base));
      return 0;
    }
    Path temporary = Files.createTempDirectory("tallrec-");
    try {
      merge(BundledBase.unpack(temporary));
    } finally {
      AtomicFiles.deleteDirectory(temporary);
    }
    return 0;
  }

  private void merge(Path directory) throws IOException {
    Counter counter = new Counter();
    MergedModel.write(directory, adapter, out, counter);
    System.out.printf("%s: %s with %d weights changed%n", out, base, counter.all);
  }

  /** Says now and then how far it is. */
  private static final class Counter implements MergedModel.Progress {
    private static final int TIMES = 10;

    private int all;

    @Override
    public void merged(int done, int ofAll) {
      all = ofAll;
      if (done * TIMES / ofAll != (done - 1) * TIMES / ofAll) {
        System.err.printf("merged %d of %d weights%n", done, ofAll);
      }
    }
  }
}
