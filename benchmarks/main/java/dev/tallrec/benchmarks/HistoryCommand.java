package dev.tallrec.benchmarks;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Keeps results over time, and draws them. */
@Command(
    name = "history",
    mixinStandardHelpOptions = true,
    description = "Keeps results over time, and draws them.",
    synopsisSubcommandLabel = "add|plot")
final class HistoryCommand {

  @Command(
      name = "add",
      mixinStandardHelpOptions = true,
      description = "Appends a result file; refused if it is in there already.")
  int add(
      @Parameters(
              paramLabel = "FILE",
              split = ",",
              description = "Result file; several of one build with commas.")
          List<Path> files,
      @Option(
              names = "--to",
              paramLabel = "HISTORY",
              required = true,
              description = "JSON lines, one a benchmark and result.")
          Path history)
      throws IOException {
    List<HistoryEntry> entries = HistoryEntry.of(Results.read(files));
    new History(history).append(entries);
    System.out.printf("%d lines appended to %s%n", entries.size(), history);
    return 0;
  }

  @Command(
      name = "plot",
      mixinStandardHelpOptions = true,
      description = "Draws one PNG per group of benchmarks and machine.")
  int plot(
      @Parameters(paramLabel = "HISTORY", description = "What add wrote.") Path history,
      @Option(
              names = "--out",
              paramLabel = "DIR",
              required = true,
              description = "Where the plots go.")
          Path directory)
      throws IOException {
    for (Path plot : HistoryPlot.write(new History(history).read(), directory)) {
      System.out.println("written to " + plot);
    }
    return 0;
  }
}
