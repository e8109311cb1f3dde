package dev.tallrec.cli;

import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Optional;
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
    line.registerConverter(Path.class, Tallrec::path);
    line.setCaseInsensitiveEnumValuesAllowed(true);
    line.setUsageHelpAutoWidth(true);
    line.setExecutionExceptionHandler((exception, command, parsed) -> root.explain(exception));
    try {
      return line.execute(arguments);
    } catch (VirtualMachineError e) {
      // Full memory, or a mapped file that is gone: known well enough to be explained.
      return root.explain(e);
    }
  }

  /** A path that an option names; an empty one would be the current directory. */
  private static Path path(String text) {
    if (text.isBlank()) {
      throw new CommandLine.TypeConversionException("it names no path; is a variable empty?");
    }
    try {
      return Path.of(text);
    } catch (InvalidPathException e) {
      throw new CommandLine.TypeConversionException("no path: " + e.getMessage());
    }
  }

  private int explain(Throwable failure) {
    if (stacktrace) {
      failure.printStackTrace();
    }
    Optional<String> explanation = Explanation.of(failure);
    System.err.println(explanation.orElse("tallrec: this should not have happened"));
    if (explanation.isEmpty() && !stacktrace) {
      failure.printStackTrace();
    }
    return FAILED;
  }

  @Override
  public void run() {
    throw new CommandLine.ParameterException(spec.commandLine(), "Which command?");
  }
}
