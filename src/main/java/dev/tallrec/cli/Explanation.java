package dev.tallrec.cli;

import dev.tallrec.backend.DeviceMemoryException;
import dev.tallrec.train.TrainingStoppedException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.NoSuchFileException;
import java.util.Optional;
import java.util.Set;
import picocli.CommandLine;

/** What a failure means to who runs the program, and what to do about it. */
final class Explanation {

  /** What Java itself says of arithmetic that we did not think of: nobody can act upon that. */
  private static final Set<String> OF_JAVA =
      Set.of("integer overflow", "long overflow", "/ by zero");

  private Explanation() {}

  /** The explanation, a line; empty of a failure that is the program's own. */
  static Optional<String> of(Throwable failure) {
    return switch (failure) {
      case TrainingStoppedException stopped -> Optional.of(message(stopped));
      case NoSuchFileException e -> said(e.getFile() + " does not exist");
      case AccessDeniedException e -> said("no permission for " + e.getFile());
      case FileAlreadyExistsException e -> said(e.getFile() + " is in the way: it already exists");
      case IOException e -> said(message(e));
      case UncheckedIOException e when e.getCause() != null -> of(e.getCause());
      case IllegalArgumentException e -> said(message(e));
      case DeviceMemoryException e -> said(message(e));
      case ArithmeticException e when !OF_JAVA.contains(message(e)) -> said(message(e));
      case OutOfMemoryError e -> said(outOfMemory(message(e)));
      case StackOverflowError _ ->
          said(
              "the stack is full: something in the input is nested too deeply, or a larger stack is"
                  + " needed: "
                  + options("-Xss16m"));
      case InternalError e when message(e).contains("unsafe memory access") ->
          said(
              "a file that is read in place, such as a model's weights, became shorter or can no"
                  + " longer be read: write it anew, look after its disk, and change no model while"
                  + " it is in use");
      // Of commands that are methods.
      case CommandLine.ExecutionException e when e.getCause() != null -> of(e.getCause());
      default -> Optional.empty();
    };
  }

  private static Optional<String> said(String explanation) {
    return Optional.of("tallrec: " + explanation);
  }

  private static String outOfMemory(String reason) {
    boolean ofTheHeap =
        reason.contains("heap") || reason.contains("GC overhead") || reason.contains("array size");
    return ofTheHeap
        ? "the heap of %,d MiB is full (%s): give it more, %s, or take fewer tokens at a time (options ending with -batch-tokens)"
            .formatted(Runtime.getRuntime().maxMemory() >> 20, reason, options("-Xmx8g"))
        : "out of memory outside of the heap (%s): take fewer tokens at a time (options ending with -batch-tokens), fewer --threads, or a smaller heap, %s"
            .formatted(reason, options("-Xmx1g"));
  }

  private static String options(String flag) {
    return "as in JAVA_OPTS=%s ./tallrec ... or java %s -jar tallrec.jar ...".formatted(flag, flag);
  }

  private static String message(Throwable failure) {
    return failure.getMessage() == null ? failure.toString() : failure.getMessage();
  }
}
