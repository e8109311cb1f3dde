package dev.tallrec.verify;

import dev.tallrec.lora.LoraAdapter;
import dev.tallrec.lora.LoraMerge;
import dev.tallrec.lora.LoraPair;
import dev.tallrec.tensor.DType;
import dev.tallrec.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.Optional;

/** Compares weights that an adapter is merged into. */
final class MergeCheck {

  private MergeCheck() {}

  /** Compares those that the fixture has; empty if it has none. */
  static Optional<Check> of(GoldenModel golden) throws IOException {
    List<String> names = golden.fixture().names("merged.");
    if (names.isEmpty()) {
      return Optional.empty();
    }
    Comparison comparison = new Comparison("merged");
    try (LoraAdapter adapter = golden.adapter();
        Arena arena = Arena.ofShared()) {
      for (String name : names) {
        String target = name.substring("merged.".length());
        for (LoraPair pair : adapter.pairs()) {
          if (pair.projection().weightName(pair.layer()).equals(target)) {
            Tensor merged =
                LoraMerge.merge(
                    golden.model().tensor(target),
                    pair,
                    adapter.config().scale(pair.layer(), pair.projection()),
                    DType.F32,
                    arena);
            comparison.add(golden.fixture().floats(name, merged.shape()), merged);
          }
        }
      }
    }
    return Optional.of(comparison.check(Verification.FP32_TOLERANCE, Double.NaN));
  }
}
