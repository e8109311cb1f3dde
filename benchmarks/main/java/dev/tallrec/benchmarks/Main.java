package dev.tallrec.benchmarks;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.runner.RunnerException;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Records and compares benchmark runs; anything else goes to JMH. */
@Command(
    name = "benchmarks",
    mixinStandardHelpOptions = true,
    description = "record and compare, as below; any other arguments are JMH's own.")
public final class Main implements Runnable {

  private static final List<String> COMMANDS = List.of("record", "compare", "--help", "-h");

  private Main() {}

  /** Exit codes: 0 done, 1 slower than before or failed, 2 wrong usage. */
  public static void main(String[] arguments) throws IOException {
    if (arguments.length > 0 && COMMANDS.contains(arguments[0])) {
      CommandLine line = new CommandLine(new Main());
      line.addSubcommand(new RecordCommand());
      line.addSubcommand(new CompareCommand());
      System.exit(line.execute(arguments));
    }
    org.openjdk.jmh.Main.main(arguments);
  }

  @Override
  public void run() {}

  /** Runs benchmarks and writes a result file. */
  @Command(
      name = "record",
      mixinStandardHelpOptions = true,
      description = "Runs benchmarks and writes a result file.")
  static final class RecordCommand implements Callable<Integer> {
    @Parameters(paramLabel = "FILE", description = "Where results go.")
    private Path file = Path.of("results.json");

    @Option(
        names = "--include",
        paramLabel = "REGEX",
        description = "Benchmarks to run (default: all).")
    private String include = ".*";

    @Option(names = "-p", paramLabel = "NAME=A,B", description = "Parameters, as JMH's -p.")
    private Map<String, String> parameters = Map.of();

    @Option(
        names = "--forks",
        paramLabel = "N",
        description = "JVMs per benchmark (default: ${DEFAULT-VALUE}).")
    private int forks = 3;

    @Override
    public Integer call() throws RunnerException, IOException {
      Recorder.record(include, parameters, forks).write(file);
      System.out.println("written to " + file);
      return 0;
    }
  }

  /** Compares two result files. */
  @Command(
      name = "compare",
      mixinStandardHelpOptions = true,
      description =
          "Compares two result files; exit code 1 if something got slower beyond noise and threshold.")
  static final class CompareCommand implements Callable<Integer> {
    @Parameters(
        index = "0",
        paramLabel = "OLD",
        split = ",",
        description = "Result file of before; several of one build with commas.")
    private List<Path> before = List.of();

    @Parameters(index = "1", paramLabel = "NEW", split = ",", description = "Result file of after.")
    private List<Path> after = List.of();

    @Option(
        names = "--threshold",
        paramLabel = "X",
        description = "Slow-down that is accepted (default: ${DEFAULT-VALUE}).")
    private double threshold = 0.05;

    @Option(names = "--markdown", paramLabel = "FILE", description = "Write the table there, too.")
    private @Nullable Path markdown;

    @Override
    public Integer call() throws IOException {
      Results old = Results.read(before);
      Results now = Results.read(after);
      List<String> differences = old.differences(now);
      if (!differences.isEmpty()) {
        System.err.println(
            "different machines are not compared: " + String.join("; ", differences));
        return 1;
      }
      List<Comparison.Row> rows = new Comparison(threshold, 0.01).compare(old, now);
      String table = Comparison.markdown(rows);
      System.out.print(table);
      if (markdown != null) {
        Files.writeString(markdown, table);
      }
      boolean fails = rows.stream().anyMatch(Comparison.Row::fails);
      System.out.println(fails ? "slower than before" : "not slower than before");
      return fails ? 1 : 0;
    }
  }
}
