package dev.tallrec.backend.cuda;

import dev.tallrec.tensor.DType;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * GPUs and what their makers say they do at best: products in fp16 or bf16 that sum in fp32,
 * without sparsity, and in fp32, in TFLOP/s; their memory, in GiB as a driver shows it with error
 * correction on where that is the rule, and in GB/s.
 *
 * <p>Products in fp16 are as llm.c computes them (llmc/mfu.h): a family's data sheet, scaled by
 * tensor cores and clock. The rest is of the data sheets.
 */
public enum GpuModel {
  /** 24 GB. */
  RTX_3090("RTX 3090", 24, 71.2, 35.6, 936),
  /** 24 GB. */
  RTX_3090_TI("RTX 3090 Ti", 24, 80, 40, 1008),
  /** 24 GB. */
  RTX_4090("RTX 4090", 24, 165.2, 82.6, 1008),
  /** 32 GB. */
  RTX_5090("RTX 5090", 32, 209.5, 104.8, 1792),
  /** 48 GB. */
  RTX_A6000("RTX A6000", 48, 154.8, 38.7, 768),
  /** 24 GB. */
  A10("A10", 22, 125, 31.2, 600),
  /** 48 GB. */
  L40S("L40S", 45, 362, 91.6, 864),
  /** 40 GB, either form. */
  A100_40GB("A100 40GB", 40, 312, 19.5, 1555),
  /** 80 GB, a card. */
  A100_80GB_PCIE("A100 80GB PCIe", 80, 312, 19.5, 1935),
  /** 80 GB, a module. */
  A100_80GB_SXM("A100 80GB SXM", 80, 312, 19.5, 2039),
  /** 80 GB, a card. */
  H100_PCIE("H100 PCIe", 80, 756, 51, 2000),
  /** 94 GB, a card. */
  H100_NVL("H100 NVL", 94, 835, 60, 3938),
  /** 80 GB, a module. */
  H100_SXM("H100 80GB HBM3", 80, 989, 67, 3350),
  /** 141 GB. */
  H200("H200", 140, 989, 67, 4800);

  private static final double TERA = 1e12;
  private static final double GIGA = 1e9;

  private final String label;
  private final int gibibytes;
  private final double halfTeraflop;
  private final double floatTeraflop;
  private final double gigabytes;

  GpuModel(
      String label, int gibibytes, double halfTeraflop, double floatTeraflop, double gigabytes) {
    this.label = label;
    this.gibibytes = gibibytes;
    this.halfTeraflop = halfTeraflop;
    this.floatTeraflop = floatTeraflop;
    this.gigabytes = gigabytes;
  }

  /** Words that a driver's name of the device has, among others and in any order. */
  public String label() {
    return label;
  }

  /** All labels. */
  public static List<String> labels() {
    return Arrays.stream(values()).map(GpuModel::label).toList();
  }

  /**
   * The model that a driver's name, or a user's, means: the one of whose label it has every word;
   * of several the one with the most.
   */
  public static Optional<GpuModel> named(String name) {
    // Drivers say "A100-SXM4-80GB".
    List<String> words =
        List.of(name.toLowerCase(Locale.ROOT).replace("sxm4", "sxm").split("[^a-z0-9]+"));
    return Arrays.stream(values())
        .filter(
            model -> words.containsAll(List.of(model.label.toLowerCase(Locale.ROOT).split(" "))))
        .max(Comparator.comparingInt(model -> model.label.split(" ").length));
  }

  /** Floating-point operations a second, 2 a multiply-add, of products of a type. */
  public double flop(DType type) {
    return TERA * (type == DType.F32 ? floatTeraflop : halfTeraflop);
  }

  /** Memory in bytes, before the driver and a program's context take theirs. */
  public long memory() {
    return (long) gibibytes << 30;
  }

  /** Bytes a second that its memory reads or writes. */
  public double bytes() {
    return GIGA * gigabytes;
  }
}
