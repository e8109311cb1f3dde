package dev.tallrec.benchmarks;

import dev.tallrec.files.AtomicFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Compares two result files. */
@Command(
    name = "compare",
    mixinStandardHelpOptions = true,
    description =
        "Compares two result files; exit code 1 if something got slower beyond noise and "
            + "threshold, or a deterministic counter rose.")
final class CompareCommand implements Callable<Integer> {

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

  @Option(names = "--html", paramLabel = "FILE", description = "Write a page with intervals drawn.")
  private @Nullable Path html;

  @Override
  public Integer call() throws IOException {
    Results old = Results.read(before);
    Results now = Results.read(after);
    List<String> differences = old.differences(now);
    if (!differences.isEmpty()) {
      System.err.println("different machines are not compared: " + String.join("; ", differences));
      return 1;
    }
    Comparison comparison = Comparison.of(old, now, threshold);
    String table = MarkdownTable.of(comparison);
    System.out.print(table);
    if (markdown != null) {
      write(markdown, table);
    }
    if (html != null) {
      write(html, HtmlPage.of(old, now, comparison));
    }
    System.out.println(comparison.summary());
    return comparison.fails() ? 1 : 0;
  }

  private static void write(Path file, String text) throws IOException {
    AtomicFiles.replaceFile(file, aside -> Files.writeString(aside, text));
  }
}
