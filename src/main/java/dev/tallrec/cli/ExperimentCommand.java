package dev.tallrec.cli;

import dev.tallrec.backend.Device;
import dev.tallrec.experiment.EndpointAccess;
import dev.tallrec.experiment.Grid;
import dev.tallrec.experiment.Runners;
import dev.tallrec.experiment.StudyRun;
import dev.tallrec.model.BaseModel;
import dev.tallrec.train.TrainingStoppedException;
import dev.tallrec.tune.SettingsReader;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Runs grids and reports on them. */
@Command(
    name = "experiment",
    mixinStandardHelpOptions = true,
    description = {
      "Runs a grid of models, data sets, few-shot sizes and seeds, and writes a report with tables and plots:",
      "  table1       every model of the paper's table 1, movies and books",
      "  ablation     what each stage of tuning gives",
      "  kshot        the tuned model with 16, 64 and 256 examples",
      "  crossdomain  tuned on movies, books or both, tested on both",
      "  llms         untuned models with and without demonstrations",
      "  full         models that learn from all movie examples",
      "  all          all of them",
      "or a YAML file of one's own. Runs that are done are not done again; one that was interrupted goes on.",
      "report.md and tables.csv are written after each grid, report.html and charts at the end or on Ctrl-C."
    })
final class ExperimentCommand implements Callable<Integer> {

  private static final String ALL = "all";

  private final StopSignal stop;

  @Mixin private DeviceOptions devices = new DeviceOptions();

  @Mixin private EndpointOptions endpoint = new EndpointOptions();

  @Parameters(paramLabel = "GRID", description = "Name or file.")
  private String name = "kshot";

  @Option(
      names = "--scale",
      description =
          "${COMPLETION-CANDIDATES}: with the small base in minutes, or as in the paper with models/llama-7b"
              + " (default: ${DEFAULT-VALUE}).")
  private Grid.Scale scale = Grid.Scale.SMALL;

  @Option(
      names = "--bert",
      paramLabel = "DIR",
      description =
          "BERT whose reading of titles GRU-BERT and DROS-BERT are given: config.json, vocab.txt, model.safetensors.")
  private @Nullable Path bert;

  @ArgGroup private Start start = new Start();

  /** What takes the place of the preset's instruction stage. */
  private static final class Start {
    @Option(
        names = "--instructions",
        paramLabel = "FILE",
        description =
            "Examples of the instruction stage in place of the preset's; --scale paper needs all of Alpaca.")
    private @Nullable String instructions;

    @Option(
        names = "--adapter",
        paramLabel = "DIR",
        description =
            "Adapter (PEFT) after an instruction stage, one for all seeds: runs start from it and tune none of their"
                + " own; variants that set instruction.epochs or adapter keep theirs.")
    private @Nullable Path adapter;

    /** Settings by option; empty if none was given. */
    Map<String, String> settings() {
      if (instructions != null) {
        return Map.of("instructions", instructions);
      }
      return adapter == null
          ? Map.of()
          : Map.of("adapter", adapter.toString(), "instruction.epochs", "0");
    }
  }

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
    List<Grid> grids = grids();
    String preset = grids.getFirst().preset();
    Path directory =
        out == null
            ? Path.of("runs", Path.of(name).getFileName().toString().replaceFirst("\\.ya?ml$", ""))
            : out;
    String base = SettingsReader.read(preset, Optional.empty(), Map.of()).base();
    Optional<EndpointAccess> server = endpoint.access(directory.resolve("answers"));
    ConsoleListener listener = ConsoleListener.standard();
    try (Device device = devices.open();
        BaseModel model = BaseModel.named(device, base)) {
      listener.message(base + "; " + device.description());
      stop.listen(true);
      Runners runners =
          new Runners(model, preset, directory, Optional.ofNullable(bert), server, listener, stop);
      new StudyRun(runners, grids, base, directory, listener).run();
    } catch (TrainingStoppedException e) {
      throw new TrainingStoppedException(
          "Stopped and saved. The same command goes on with " + directory);
    } finally {
      stop.listen(false);
    }
    return 0;
  }

  private List<Grid> grids() throws IOException {
    List<Grid> grids = new ArrayList<>();
    for (String grid : name.equals(ALL) ? Grid.KNOWN : List.of(name)) {
      grids.add(Grid.read(grid, scale));
    }
    Map<String, String> settings = start.settings();
    List<Grid> started = grids.stream().map(grid -> grid.tunedWith(settings)).toList();
    if (!settings.isEmpty() && started.equals(grids)) {
      throw new IOException(
          "no run of %s has an instruction stage that --%s could take the place of"
              .formatted(name, settings.containsKey("adapter") ? "adapter" : "instructions"));
    }
    return started;
  }
}
