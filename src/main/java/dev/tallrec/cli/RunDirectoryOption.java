package dev.tallrec.cli;

import dev.tallrec.tune.RunDirectory;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Where a tuning run is kept. */
final class RunDirectoryOption {

  private static final DateTimeFormatter RUN_NAME =
      DateTimeFormatter.ofPattern("yyyy-MM-dd_HH-mm-ss", Locale.ROOT);

  @Option(
      names = "--out",
      paramLabel = "DIR",
      description =
          "Where the run is kept; a run that is there already goes on (default: runs/TIME).")
  private @Nullable Path given;

  boolean isGiven() {
    return given != null;
  }

  /** What was given, or a new directory of this moment. */
  RunDirectory directory() {
    return new RunDirectory(
        given == null
            ? Path.of("runs", RUN_NAME.format(LocalDateTime.now(ZoneId.systemDefault())))
            : given);
  }
}
