package dev.tallrec.benchmarks;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.openjdk.jmh.infra.BenchmarkParams;
import org.openjdk.jmh.profile.GCProfiler;
import org.openjdk.jmh.results.BenchmarkResult;
import org.openjdk.jmh.results.IterationResult;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.ChainedOptionsBuilder;
import org.openjdk.jmh.runner.options.OptionsBuilder;

/** Runs benchmarks and keeps their figures with the machine they come from. */
final class Recorder {

  private Recorder() {}

  static Results record(String include, Map<String, String> parameters, int forks)
      throws RunnerException, IOException {
    ChainedOptionsBuilder options =
        new OptionsBuilder().include(include).forks(forks).addProfiler(GCProfiler.class);
    parameters.forEach((name, values) -> options.param(name, values.split(",")));
    List<Results.Measured> measured = new ArrayList<>();
    for (RunResult run : new Runner(options.build()).run()) {
      measured.add(measured(run));
    }
    return new Results(Machine.here(), commit(), Instant.now().toString(), measured);
  }

  private static Results.Measured measured(RunResult run) {
    BenchmarkParams parameters = run.getParams();
    StringBuilder name =
        new StringBuilder(parameters.getBenchmark().replaceFirst(".*\\.(\\w+\\.\\w+)$", "$1"));
    for (String key : parameters.getParamsKeys()) {
      name.append(' ').append(key).append('=').append(parameters.getParam(key));
    }
    List<List<Double>> forks = new ArrayList<>();
    for (BenchmarkResult fork : run.getBenchmarkResults()) {
      List<Double> scores = new ArrayList<>();
      for (IterationResult iteration : fork.getIterationResults()) {
        scores.add(iteration.getPrimaryResult().getScore());
      }
      forks.add(scores);
    }
    Counters counters = new Counters(run);
    return new Results.Measured(
        name.toString(),
        run.getPrimaryResult().getScoreUnit(),
        forks,
        counters.perOperation(),
        counters.others());
  }

  private static String commit() {
    try {
      Process git = new ProcessBuilder("git", "describe", "--always", "--dirty").start();
      String output =
          new String(git.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
      return git.waitFor() == 0 ? output : "unknown";
    } catch (IOException e) {
      return "unknown";
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return "unknown";
    }
  }
}
