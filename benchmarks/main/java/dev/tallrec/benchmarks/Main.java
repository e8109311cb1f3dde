package dev.tallrec.benchmarks;

import java.io.IOException;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine;
import picocli.CommandLine.Command;

/** Records, compares and keeps benchmark runs; anything else goes to JMH. */
@Command(
    name = "benchmarks",
    mixinStandardHelpOptions = true,
    description = "record, compare and history, as below; any other arguments are JMH's own.")
public final class Main implements Runnable {

  private static final List<String> COMMANDS =
      List.of("record", "compare", "history", "--help", "-h");

  private Main() {}

  /** Exit codes: 0 done, 1 slower than before or failed, 2 wrong usage. */
  public static void main(String[] arguments) throws IOException {
    // Records are compared across machines: numbers look the same on all of them, JMH's as well.
    Locale.setDefault(Locale.ROOT);
    if (arguments.length > 0 && COMMANDS.contains(arguments[0])) {
      CommandLine line = new CommandLine(new Main());
      line.addSubcommand(new RecordCommand());
      line.addSubcommand(new CompareCommand());
      line.addSubcommand(new HistoryCommand());
      line.setExecutionExceptionHandler((exception, _, _) -> explain(exception));
      System.exit(line.execute(arguments));
    }
    org.openjdk.jmh.Main.main(arguments);
  }

  /** Where a file is at fault, its line says more than ours. */
  private static int explain(Exception exception) {
    if (exception instanceof IOException) {
      System.err.println(exception.getMessage());
    } else {
      exception.printStackTrace();
    }
    return 1;
  }

  @Override
  public void run() {}
}
