package dev.tallrec.cli;

import dev.tallrec.train.TrainingStoppedException;
import dev.tallrec.tune.SettingsReader;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** The default run. */
@Command(
    name = "run",
    mixinStandardHelpOptions = true,
    description = {
      "The whole procedure in a few minutes on a CPU, offline: the small base that comes with this program is tuned on"
          + " instructions, then on K users' movie tastes of MovieLens 100K, and scored before and after each stage.",
      "tallrec tune is the same with everything settable."
    })
final class RunCommand implements Callable<Integer> {

  private final StopSignal stop;

  @Mixin private DeviceOptions device = new DeviceOptions();

  @Mixin private RunDirectoryOption out = new RunDirectoryOption();

  @Option(
      names = "--k",
      paramLabel = "K",
      description = "Examples of the few-shot sample (default: 256).")
  private @Nullable Integer k;

  @Option(
      names = "--seed",
      paramLabel = "N",
      description = "Of sample, initial values and order (default: 0).")
  private @Nullable Long seed;

  RunCommand(StopSignal stop) {
    this.stop = stop;
  }

  @Override
  public Integer call() throws IOException, TrainingStoppedException {
    Map<String, String> values = new LinkedHashMap<>();
    if (k != null) {
      values.put("k", k.toString());
    }
    if (seed != null) {
      values.put("seed", seed.toString());
    }
    TuneExecution.run(
        SettingsReader.read("mini", Optional.empty(), values), out.directory(), device, stop);
    return 0;
  }
}
