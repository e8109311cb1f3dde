package dev.tallrec.cli;

import dev.tallrec.train.TrainingStoppedException;
import dev.tallrec.tune.RunDirectory;
import dev.tallrec.tune.SettingsReader;
import dev.tallrec.tune.TuneSettings;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Tunes with everything settable. */
@Command(
    name = "tune",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description =
        "Tunes a base model in two stages, on instructions and on users' tastes, with everything settable by"
            + " preset, YAML file and flags; the latter win.")
final class TuneCommand implements Callable<Integer> {

  private final StopSignal stop;
  private final SettingsOptions settings = new SettingsOptions();

  @Spec private CommandSpec spec;

  @Mixin private DeviceOptions device = new DeviceOptions();

  @Option(
      names = "--preset",
      paramLabel = "NAME",
      description =
          "mini: the small base that comes with this program, in minutes; paper: the paper's recipe for LLaMA-7B"
              + " (default: ${DEFAULT-VALUE}).")
  private String preset = "mini";

  @Option(
      names = "--settings",
      paramLabel = "FILE",
      description = "YAML file with some of the settings; a run's settings.yaml has them all.")
  private @Nullable Path file;

  @Mixin private RunDirectoryOption out = new RunDirectoryOption();

  @Option(
      names = "--resume",
      paramLabel = "DIR",
      description = "Go on with the run in DIR, with its settings.")
  private @Nullable Path resume;

  @Option(names = "--show-settings", description = "Print the settings as YAML and do nothing.")
  private boolean showSettings;

  TuneCommand(StopSignal stop) {
    this.stop = stop;
  }

  /** Adds the flags of all settings. */
  CommandLine commandLine() {
    CommandLine line = new CommandLine(this);
    settings.addTo(line.getCommandSpec());
    return line;
  }

  @Override
  public Integer call() throws IOException, TrainingStoppedException {
    if (resume != null) {
      if (!settings.values().isEmpty() || file != null || out.isGiven()) {
        throw new CommandLine.ParameterException(
            spec.commandLine(), "--resume takes all settings from its directory");
      }
      RunDirectory directory = new RunDirectory(resume);
      TuneExecution.run(directory.settings(), directory, device, stop);
      return 0;
    }
    TuneSettings all = SettingsReader.read(preset, Optional.ofNullable(file), settings.values());
    if (showSettings) {
      System.out.print(SettingsReader.write(all));
      return 0;
    }
    TuneExecution.run(all, out.directory(), device, stop);
    return 0;
  }
}
