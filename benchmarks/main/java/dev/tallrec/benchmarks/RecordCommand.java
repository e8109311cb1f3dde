package dev.tallrec.benchmarks;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.Callable;
import org.openjdk.jmh.runner.RunnerException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Runs benchmarks and writes a result file. */
@Command(
    name = "record",
    mixinStandardHelpOptions = true,
    description = "Runs benchmarks and writes a result file: speeds, and bytes per operation.")
final class RecordCommand implements Callable<Integer> {

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
