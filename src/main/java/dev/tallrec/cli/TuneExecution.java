package dev.tallrec.cli;

import dev.tallrec.backend.Device;
import dev.tallrec.model.BaseModel;
import dev.tallrec.train.TrainingStoppedException;
import dev.tallrec.tune.RunDirectory;
import dev.tallrec.tune.RunResults;
import dev.tallrec.tune.TuneRun;
import dev.tallrec.tune.TuneSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.Stream;

/** Runs the two stages and reports, for the commands that do so. */
final class TuneExecution {

  private TuneExecution() {}

  static void run(
      TuneSettings settings, RunDirectory directory, DeviceOptions devices, StopSignal stop)
      throws IOException, TrainingStoppedException {
    long start = System.nanoTime();
    ConsoleListener listener = ConsoleListener.standard();
    try (Device device = devices.open();
        BaseModel base = BaseModel.named(device, settings.base())) {
      listener.message(
          "%s: %,d parameters, %s; %s"
              .formatted(
                  settings.base(),
                  base.config().parameterCount(),
                  base.network().weights().storageType(),
                  device.description()));
      listener.message("Everything goes to " + directory.path());
      TuneRun run = new TuneRun(base, settings, directory, listener, stop);
      stop.listen(true);
      RunResults results;
      try {
        results = run.run();
      } catch (TrainingStoppedException e) {
        throw new TrainingStoppedException(
            "Stopped and saved. To go on: tallrec tune --resume " + directory.path());
      }
      report(results, directory, listener);
      peakMemory().ifPresent(listener::message);
      listener.message(
          "Done in %s. Try: tallrec recommend --base %s --adapter %s --help"
              .formatted(
                  ConsoleListener.duration((System.nanoTime() - start) / 1e9),
                  settings.base(),
                  directory.adapter()));
    } finally {
      stop.listen(false);
    }
  }

  /** What the kernel says of this process, where it says anything. */
  private static Optional<String> peakMemory() {
    try (Stream<String> lines = Files.lines(Path.of("/proc/self/status"))) {
      return lines
          .filter(line -> line.startsWith("VmHWM:"))
          .map(line ->
              "Peak memory: " + Long.parseLong(line.replaceAll("[^0-9]", "")) / 1024 + " MiB")
          .findFirst();
    } catch (IOException | NumberFormatException e) {
      return Optional.empty();
    }
  }

  private static void report(RunResults results, RunDirectory directory, ConsoleListener listener)
      throws IOException {
    listener.message("");
    for (String data : ResultTable.dataSets(results)) {
      listener.message(ResultTable.of(results, data));
    }
    Path plot = directory.path().resolve("plot.png");
    boolean drawn = RunPlot.write(results, plot);
    listener.message("Adapter (PEFT): " + directory.adapter());
    if (drawn) {
      listener.message("Plot of loss and AUC: " + plot);
    }
  }
}
