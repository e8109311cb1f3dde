package dev.tallrec.verify.ops;

import dev.tallrec.backend.Device;
import dev.tallrec.verify.Check;
import java.util.List;
import java.util.function.Consumer;

/** Runs operations on a device and on a reference and compares what they wrote. */
public final class OpsVerification {

  private OpsVerification() {}

  /**
   * Compares {@code device} with {@code reference}.
   *
   * @param reference says what is right; computes in fp32
   * @param begun told of each operation, and in which case, as it begins
   * @return one check an operation; one that threw has failed, with what it said
   */
  public static List<Check> run(
      Device reference, Device device, List<OpsCase> cases, Consumer<String> begun) {
    Findings findings = new Findings(begun);
    for (OpsCase one : cases) {
      findings.begin(one.label());
      // A device that fails for good fails in every later case, which shows it best.
      try (DevicePair pair = new DevicePair(reference, device, findings)) {
        one.body().accept(pair);
      } catch (RuntimeException e) {
        findings.add(e);
      }
    }
    return findings.checks();
  }
}
