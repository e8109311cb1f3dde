package dev.tallrec.cli;

import dev.tallrec.backend.Device;
import dev.tallrec.verify.Check;
import dev.tallrec.verify.Verification;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** Compares this build with PyTorch's values. */
@Command(
    name = "verify",
    mixinStandardHelpOptions = true,
    description = {
      "Compares this build with what PyTorch, transformers and PEFT computed: logits, loss, gradients, optimizer steps,"
          + " greedy tokens, merged weights.",
      "Errors are relative to the largest value of a tensor. Exit code 1 if one is beyond tolerance."
    })
final class VerifyCommand implements Callable<Integer> {

  @Mixin private DeviceOptions device = new DeviceOptions();

  @Parameters(
      paramLabel = "DIR",
      arity = "1..*",
      description = "Fixture: a directory with model/, adapter/, golden.safetensors, meta.json.")
  private List<Path> directories = List.of();

  @Override
  public Integer call() throws IOException {
    boolean passed = true;
    try (Device opened = device.open()) {
      System.out.println(opened.description());
      for (Path directory : directories) {
        List<Check> checks = Verification.run(opened, directory);
        System.out.printf(
            "%n%s%n%-20s %8s %10s %10s %10s%n",
            directory, "", "values", "error", "noise", "tolerance");
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
        passed &= checks.stream().allMatch(Check::passed);
      }
    }
    System.out.printf("%n%s%n", passed ? "all within tolerance" : "NOT within tolerance");
    return passed ? 0 : Tallrec.FAILED;
  }
}
