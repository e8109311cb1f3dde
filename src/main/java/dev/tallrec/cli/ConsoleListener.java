package dev.tallrec.cli;

import dev.tallrec.tune.RunListener;
import java.io.PrintStream;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;
import org.jspecify.annotations.Nullable;

/** Progress on the console: a bar on a terminal, else a line every now and then. */
final class ConsoleListener implements RunListener {

  private static final Duration BETWEEN_LINES = Duration.ofSeconds(10);

  /** Work under way. */
  private static final class Task {
    final String name;
    final long total;
    final long start = System.nanoTime();
    long lastLine = start;
    // Steps of an earlier process that this one goes on from say nothing of its speed.
    long first = -1;
    @Nullable ProgressBar bar;

    Task(String name, long total) {
      this.name = name;
      this.total = total;
    }
  }

  private final PrintStream out;
  private final boolean terminal;
  private final Deque<Task> tasks = new ArrayDeque<>();

  ConsoleListener(PrintStream out, boolean terminal) {
    this.out = out;
    this.terminal = terminal;
  }

  /** For standard output. */
  static ConsoleListener standard() {
    return of(System.out);
  }

  /** For standard error, where standard output is for results. */
  static ConsoleListener besideResults() {
    return of(System.err);
  }

  private static ConsoleListener of(PrintStream out) {
    return new ConsoleListener(out, System.console() != null && System.console().isTerminal());
  }

  @Override
  public void message(String line) {
    pause();
    out.println(line);
  }

  @Override
  public void begin(String name, long total) {
    pause();
    tasks.push(new Task(name, total));
  }

  private void pause() {
    Task task = tasks.peek();
    if (task != null && task.bar != null) {
      task.bar.close();
      task.bar = null;
    }
  }

  @Override
  public void advance(long done, String detail) {
    Task task = tasks.getFirst();
    if (task.first < 0) {
      task.first = done - 1;
    }
    if (terminal) {
      if (task.bar == null) {
        task.bar =
            new ProgressBarBuilder()
                .setTaskName("  " + task.name)
                .setInitialMax(task.total)
                .setStyle(ProgressBarStyle.UNICODE_BLOCK)
                .setUpdateIntervalMillis(250)
                .startsFrom(task.first, Duration.ZERO)
                .build();
      }
      task.bar.stepTo(done);
      task.bar.setExtraMessage(" " + detail);
      return;
    }
    long now = System.nanoTime();
    if (now - task.lastLine < BETWEEN_LINES.toNanos()
        && (done < task.total || now - task.start < BETWEEN_LINES.toNanos())) {
      return;
    }
    task.lastLine = now;
    double perUnit = (now - task.start) / 1e9 / Math.max(1, done - task.first);
    out.printf(
        "  %s %,d/%,d%s, %s left%n",
        task.name,
        done,
        task.total,
        detail.isEmpty() ? "" : ": " + detail,
        duration(perUnit * (task.total - done)));
  }

  @Override
  public void end() {
    pause();
    tasks.pop();
  }

  /** "1:02:03" or "2:03". */
  static String duration(double seconds) {
    long whole = Math.round(seconds);
    return whole >= 3600
        ? "%d:%02d:%02d".formatted(whole / 3600, whole / 60 % 60, whole % 60)
        : "%d:%02d".formatted(whole / 60, whole % 60);
  }
}
