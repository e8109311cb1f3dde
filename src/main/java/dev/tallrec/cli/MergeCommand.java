package dev.tallrec.cli;

import dev.tallrec.model.BundledBase;
import dev.tallrec.model.MergedModel;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
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

  private static final int MESSAGES = 10;

  @Mixin private BaseOption base = new BaseOption();

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
    int changed =
        BundledBase.use(
            base.name(),
            directory -> MergedModel.write(directory, adapter, out, MergeCommand::tell));
    System.out.printf("%s: %s with %d weights changed%n", out, base.name(), changed);
    return 0;
  }

  private static void tell(int done, int all) {
    if (done * MESSAGES / all != (done - 1) * MESSAGES / all) {
      System.err.printf("merged %d of %d weights%n", done, all);
    }
  }
}
