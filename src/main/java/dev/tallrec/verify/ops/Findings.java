package dev.tallrec.verify.ops;

import dev.tallrec.verify.Check;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/** What was compared, summed up operation by operation. */
public final class Findings {

  private final Map<String, Check> worst = new LinkedHashMap<>();
  private final Consumer<String> begun;
  private String label = "";
  private String operation = "";

  /** None yet, and nobody is told of what begins. */
  public Findings() {
    this(operation -> {});
  }

  /**
   * None yet.
   *
   * @param begun told of each operation, and in which case, as it begins
   */
  Findings(Consumer<String> begun) {
    this.begun = begun;
  }

  /** What is compared from now on belongs to the case of that label. */
  void begin(String caseLabel) {
    label = caseLabel;
  }

  /** What is compared from now on are outputs of that operation. */
  void running(String operationName) {
    operation = operationName;
    begun.accept(operation + " of " + label);
  }

  void add(String output, long values, double error, double tolerance) {
    add(values, error, tolerance, output + " of " + label);
  }

  private void add(long values, double error, double tolerance, String where) {
    worst.merge(
        operation,
        new Check(operation, values, error, tolerance, Double.NaN, where),
        Findings::merge);
  }

  /** The running operation did not come to an end. */
  void add(RuntimeException failure) {
    add(0, Double.NaN, 0, failure + ", in " + label);
  }

  /** Both, told by the one that is nearer to its tolerance, or farther beyond; NaN is farthest. */
  private static Check merge(Check one, Check other) {
    boolean otherIsWorse = !(share(other) <= share(one));
    Check worse = otherIsWorse && !Double.isNaN(share(one)) ? other : one;
    return new Check(
        worse.group(),
        one.values() + other.values(),
        worse.error(),
        worse.tolerance(),
        worse.noise(),
        worse.worst());
  }

  private static double share(Check check) {
    return check.error() == 0 ? 0 : check.error() / check.tolerance();
  }

  /** One check an operation, in the order they were first run. */
  public List<Check> checks() {
    return new ArrayList<>(worst.values());
  }
}
