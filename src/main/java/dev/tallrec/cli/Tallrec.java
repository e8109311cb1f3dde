package dev.tallrec.cli;

import dev.tallrec.backend.DeviceMemoryException;
import dev.tallrec.train.TrainingStoppedException;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.NoSuchFileException;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ScopeType;

/** The program: its subcommands and what becomes of their failures. */
@Command(
    name = "tallrec",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    description =
        "Tunes a LLaMA to tell whether a user will like an item (TALLRec, arXiv 2305.00447), on the JVM.",
    footer = {"", "Start with: tallrec run", "Exit codes: 0 done, 1 failed, 2 wrong usage."})
final class Tallrec implements Runnable {

  static final int FAILED = 1;

  @Option(
      names = "--stacktrace",
      scope = ScopeType.INHERIT,
      description = "Print the Java stack trace of a failure.")
  private boolean stacktrace;

  @CommandLine.Spec private CommandLine.Model.CommandSpec spec;

  private Tallrec() {}

  /** Runs the command that {@code arguments} name; returns the exit code. */
  static int execute(StopSignal stop, String... arguments) {
    Tallrec root = new Tallrec();
    CommandLine line = new CommandLine(root);
    line.addSubcommand(new RunCommand(stop));
    line.addSubcommand(new TuneCommand(stop).commandLine());
    line.addSubcommand(new EvaluateCommand());
    line.addSubcommand(new RecommendCommand());
    line.addSubcommand(new GenerateCommand());
    line.addSubcommand(new MergeCommand());
    line.addSubcommand(new InspectCommand());
    line.addSubcommand(new PlanCommand());
    line.addSubcommand(new VerifyCommand());
    line.addSubcommand(new InfoCommand());
    line.addSubcommand(new ExperimentCommand(stop));
    line.addSubcommand(new PrepareCommand());
    line.addSubcommand(new ScoreCommand());
    line.addSubcommand(new ProfileCommand());
    line.addSubcommand(new CommandLine.HelpCommand());
    line.setCaseInsensitiveEnumValuesAllowed(true);
    line.setUsageHelpAutoWidth(true);
    line.setExecutionExceptionHandler((exception, command, parsed) -> root.explain(exception));
    return line.execute(arguments);
  }

  private int explain(Exception exception) {
    if (stacktrace) {
      exception.printStackTrace();
    }
    switch (exception) {
      case TrainingStoppedException stopped -> System.err.println(stopped.getMessage());
      case NoSuchFileException e ->
          System.err.println("tallrec: " + e.getFile() + " does not exist");
      case AccessDeniedException e ->
          System.err.println("tallrec: no permission for " + e.getFile());
      case FileAlreadyExistsException e ->
          System.err.println("tallrec: " + e.getFile() + " is in the way: it already exists");
      case IOException e -> System.err.println("tallrec: " + message(e));
      case IllegalArgumentException e -> System.err.println("tallrec: " + message(e));
      case DeviceMemoryException e -> System.err.println("tallrec: " + message(e));
      case ArithmeticException e -> System.err.println("tallrec: " + message(e));
      default -> {
        System.err.println("tallrec: this should not have happened");
        if (!stacktrace) {
          exception.printStackTrace();
        }
      }
    }
    return FAILED;
  }

  private static String message(Exception e) {
    return e.getMessage() == null ? e.toString() : e.getMessage();
  }

  @Override
  public void run() {
    throw new CommandLine.ParameterException(spec.commandLine(), "Which command?");
  }
}
