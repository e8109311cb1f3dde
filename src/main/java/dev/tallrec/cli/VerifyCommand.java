package dev.tallrec.cli;

import dev.tallrec.backend.Device;
import dev.tallrec.backend.cpu.CpuDevice;
import dev.tallrec.tensor.DType;
import dev.tallrec.verify.Check;
import dev.tallrec.verify.Verification;
import dev.tallrec.verify.ops.OpsCase;
import dev.tallrec.verify.ops.OpsVerification;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Compares this build with PyTorch's values, and a device's operations with the CPU's. */
@Command(
    name = "verify",
    mixinStandardHelpOptions = true,
    description = {
      "Compares this build with what PyTorch, transformers and PEFT computed: logits, loss, gradients, optimizer steps,"
          + " greedy tokens, merged weights.",
      "Errors are relative to the largest value of a tensor. Exit code 1 if one is beyond tolerance."
    })
final class VerifyCommand implements Callable<Integer> {

  private static final Duration LONG = Duration.ofSeconds(20);

  @Mixin private DeviceOptions device = new DeviceOptions();

  @Option(
      names = "--ops",
      description =
          "Compare every operation of the device with the CPU's in fp32, over odd sizes and LLaMA-7B's: on a GPU computing"
              + " in F32, F16 and BF16, or in --compute-type alone, on the CPU with all threads against one. One that takes"
              + " 20 seconds is named while it runs.")
  private boolean operations;

  @Parameters(
      paramLabel = "DIR",
      arity = "0..*",
      description = "Fixture: a directory with model/, adapter/, golden.safetensors, meta.json.")
  private List<Path> directories = List.of();

  @Spec private CommandSpec spec;

  /** Whether those that could be compared are within tolerance, and how many could not. */
  private record Fixtures(boolean passed, int unread) {}

  @Override
  public Integer call() throws IOException {
    if (!operations && directories.isEmpty()) {
      throw new ParameterException(spec.commandLine(), "Which fixtures? Or --ops");
    }
    boolean passed = true;
    int unread = 0;
    if (operations) {
      for (DType type : device.typesToVerify()) {
        passed &= operations(type);
      }
    }
    if (!directories.isEmpty()) {
      Fixtures fixtures = fixtures();
      passed &= fixtures.passed();
      unread = fixtures.unread();
    }
    System.out.printf("%n%s%n", verdict(passed, unread));
    return passed && unread == 0 ? 0 : Tallrec.FAILED;
  }

  /** What is true of all that was compared, and how much could not be. */
  private String verdict(boolean passed, int unread) {
    String compared = passed ? "all within tolerance" : "NOT within tolerance";
    if (unread == 0) {
      return compared;
    }
    String missing = "%d of %d fixtures NOT verified".formatted(unread, directories.size());
    return unread < directories.size() || operations
        ? missing + "; of what was compared: " + compared
        : missing;
  }

  private boolean operations(DType type) throws IOException {
    try (Device opened = device.open(type)) {
      if (opened.computeType() != type) {
        // Of all types the CPU has one; of one that was asked for, none.
        if (device.typesToVerify().size() == 1) {
          throw new ParameterException(
              spec.commandLine(), "--ops --compute-type " + type + " is for GPUs");
        }
        return true;
      }
      System.out.println(opened.description());
      int threads = opened instanceof CpuDevice ? 1 : Runtime.getRuntime().availableProcessors();
      try (Device reference = new CpuDevice(threads);
          StillRunning running = new StillRunning(LONG, VerifyCommand::warn)) {
        boolean odd =
            print(
                "operations of odd sizes, in " + type,
                OpsVerification.run(reference, opened, OpsCase.odd(), running::begin));
        boolean typical =
            print(
                "operations of LLaMA-7B's sizes, in " + type,
                OpsVerification.run(reference, opened, OpsCase.typical(), running::begin));
        return odd && typical;
      }
    }
  }

  private Fixtures fixtures() throws IOException {
    boolean passed = true;
    int unread = 0;
    try (Device opened = device.open();
        StillRunning running = new StillRunning(LONG, VerifyCommand::warn)) {
      System.out.println(opened.description());
      for (Path directory : directories) {
        running.begin(directory.toString());
        try {
          passed &= print(directory.toString(), Verification.run(opened, directory));
        } catch (IOException | IllegalArgumentException e) {
          // The others are still worth knowing.
          System.err.printf("tallrec: %s is not verified: %s%n", directory, e.getMessage());
          unread++;
        }
      }
    }
    return new Fixtures(passed, unread);
  }

  private static void warn(String line) {
    System.err.println("tallrec: " + line);
  }

  /** A line a check; says whether all passed. */
  private static boolean print(String title, List<Check> checks) {
    System.out.printf(
        "%n%s%n%-20s %8s %10s %10s %10s%n", title, "", "values", "error", "noise", "tolerance");
    for (Check check : checks) {
      System.out.printf(
          "%-20s %8d %10.2e %10s %10.0e  %s%n",
          check.group(),
          check.values(),
          check.error(),
          Double.isNaN(check.noise()) ? "" : "%.2e".formatted(check.noise()),
          check.tolerance(),
          check.passed() ? "ok" : "FAILED: " + check.worst());
    }
    return checks.stream().allMatch(Check::passed);
  }
}
