package dev.tallrec.cli;

import dev.tallrec.backend.Device;
import dev.tallrec.experiment.Grid;
import dev.tallrec.experiment.GridReport;
import dev.tallrec.experiment.GridRun;
import dev.tallrec.experiment.Outcomes;
import dev.tallrec.model.BaseModel;
import dev.tallrec.train.TrainingStoppedException;
import dev.tallrec.tune.SettingsReader;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Runs a grid of settings. */
@Command(
    name = "experiment",
    mixinStandardHelpOptions = true,
    description = {
      "Runs a grid: kshot, ablation or crossdomain as they come with this program, or a YAML file of that form.",
      "Runs that are done are not done again; one that was interrupted goes on. Tables, with the paper's figures beside"
          + " ours, go to report.md after every run."
    })
final class ExperimentCommand implements Callable<Integer> {

  private final StopSignal stop;

  @Mixin private DeviceOptions devices = new DeviceOptions();

  @Parameters(paramLabel = "GRID", description = "Name or file.")
  private String grid = "kshot";

  @Option(
      names = "--out",
      paramLabel = "DIR",
      description = "Where runs and report are kept (default: runs/GRID).")
  private @Nullable Path out;

  ExperimentCommand(StopSignal stop) {
    this.stop = stop;
  }

  @Override
  public Integer call() throws IOException, TrainingStoppedException {
    Grid cells = Grid.read(grid);
    Path directory =
        out == null
            ? Path.of("runs", Path.of(grid).getFileName().toString().replaceFirst("\\.ya?ml$", ""))
            : out;
    String base = SettingsReader.read(cells.preset(), Optional.empty(), Map.of()).base();
    ConsoleListener listener = ConsoleListener.standard();
    try (Device device = devices.open();
        BaseModel model = BaseModel.named(device, base)) {
      listener.message(base + "; " + device.description());
      stop.listen(true);
      Outcomes outcomes;
      try {
        outcomes = new GridRun(model, cells, directory, listener, stop).run();
      } catch (TrainingStoppedException e) {
        throw new TrainingStoppedException(
            "Stopped and saved. The same command goes on with " + directory);
      }
      System.out.println();
      System.out.print(GridReport.markdown(cells, outcomes));
      System.out.println("\nreport: " + directory.resolve("report.md"));
    } finally {
      stop.listen(false);
    }
    return 0;
  }
}
