package dev.tallrec.verify.ops;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/**
 * Some operations on inputs of a certain size.
 *
 * @param label what and how large: "rows 7 x 31"
 * @param body runs the operations on both devices and compares
 */
public record OpsCase(String label, Consumer<DevicePair> body) {

  /** Sizes that are no multiple of anything: small, so that an emulated device gets through. */
  public static List<OpsCase> odd() {
    List<OpsCase> cases = new ArrayList<>();
    RowCases.addOdd(cases);
    ProductCases.addOdd(cases);
    AttentionCases.addOdd(cases);
    LossCases.addOdd(cases);
    return cases;
  }

  /** Sizes of LLaMA-7B, for real devices. */
  public static List<OpsCase> typical() {
    List<OpsCase> cases = new ArrayList<>();
    RowCases.addTypical(cases);
    ProductCases.addTypical(cases);
    AttentionCases.addTypical(cases);
    LossCases.addTypical(cases);
    return cases;
  }

  @Override
  public String toString() {
    return label;
  }
}
