package dev.tallrec.cli;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CountDownLatch;

/** Entry point. */
public final class Main {

  private static final String VECTOR_MODULE = "jdk.incubator.vector";

  // Where products have all vector registers, an address that is kept in one is fetched through
  // the port that multiplies: up to a fourth of the kernel's speed on Intel's CPUs.
  private static final String NO_SPILLS_TO_VECTORS = "-XX:-UseFPUForSpilling";

  // Others have threads that the kernels' compete with, for a heap with next to no garbage.
  private static final String COLLECTOR = "-XX:+UseSerialGC";

  private Main() {}

  /** Runs a command and ends the JVM with its exit code: 0 done, 1 failed, 2 wrong usage. */
  public static void main(String[] arguments) throws IOException, InterruptedException {
    // Programs read our tables, and people compare them with the paper's: numbers look the same
    // wherever they are printed, 59.84 and not 59,84.
    Locale.setDefault(Locale.ROOT);
    if (ModuleLayer.boot().findModule(VECTOR_MODULE).isEmpty()) {
      System.exit(runAgainWithVectors(arguments));
    }
    StopSignal stop = new StopSignal();
    CountDownLatch finished = new CountDownLatch(1);
    Runtime.getRuntime().addShutdownHook(new Thread(() -> stop.raise(finished), "stop"));
    int code;
    try {
      code = Tallrec.execute(stop, arguments);
    } finally {
      finished.countDown();
    }
    // While the hook runs (after Ctrl-C) exit would wait for ever: the JVM is ending already.
    if (!stop.isRaised()) {
      System.exit(code);
    }
  }

  /**
   * {@code java -jar} cannot add an incubating module by itself: starts the same program with it.
   */
  private static int runAgainWithVectors(String[] arguments)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    command.add(ProcessHandle.current().info().command().orElse("java"));
    command.add("--add-modules=" + VECTOR_MODULE);
    command.add("--enable-native-access=ALL-UNNAMED");
    command.add(NO_SPILLS_TO_VECTORS);
    List<String> given = ManagementFactory.getRuntimeMXBean().getInputArguments();
    // A JVM that is given two does not start.
    if (given.stream().noneMatch(flag -> flag.matches("-XX:\\+Use\\w+GC"))) {
      command.add(COLLECTOR);
    }
    command.addAll(given);
    command.add("-cp");
    command.add(System.getProperty("java.class.path"));
    command.add(Main.class.getName());
    command.addAll(List.of(arguments));
    Process child = new ProcessBuilder(command).inheritIO().start();
    // The child saves, so this one must outlive it.
    Runtime.getRuntime().addShutdownHook(new Thread(() -> stop(child), "stop child"));
    return child.waitFor();
  }

  /** Ctrl-C reaches the child, too, which takes a second signal for the first; kill does not. */
  private static void stop(Process child) {
    child.destroy();
    try {
      child.waitFor();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
