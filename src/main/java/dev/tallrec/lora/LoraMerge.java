package dev.tallrec.lora;

import dev.tallrec.tensor.DType;
import dev.tallrec.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.stream.IntStream;

/** Folds adapters into base weights: W + scale * B A. */
public final class LoraMerge {

  private LoraMerge() {}

  /**
   * The merged weight, computed in fp32.
   *
   * @param base [out, in], F32, F16 or BF16
   * @param scale {@link LoraConfig#scale}
   * @param dtype of the result; F16 and BF16 are rounded to nearest even
   * @param arena owner of the result
   */
  public static Tensor merge(Tensor base, LoraPair pair, float scale, DType dtype, Arena arena) {
    int out = Math.toIntExact(base.shape().dimension(0));
    int in = Math.toIntExact(base.shape().dimension(1));
    float[] a = pair.a().toFloats();
    float[] b = pair.b().toFloats();
    int rank = a.length / in;
    if (a.length != rank * in || b.length != out * rank) {
      throw new IllegalArgumentException(
          "%s %s does not fit %s %s"
              .formatted(pair.a().name(), pair.a().shape(), base.name(), base.shape()));
    }
    Tensor merged = Tensor.allocate(arena, base.name(), dtype, base.shape());
    IntStream.range(0, out).parallel().forEach(o -> mergeRow(base, a, b, rank, scale, merged, o));
    return merged;
  }

  private static void mergeRow(
      Tensor base, float[] a, float[] b, int rank, float scale, Tensor merged, int o) {
    int in = a.length / rank;
    float[] row = new float[in];
    for (int r = 0; r < rank; r++) {
      float factor = b[o * rank + r];
      for (int i = 0; i < in; i++) {
        row[i] += factor * a[r * in + i];
      }
    }
    for (int i = 0; i < in; i++) {
      long index = (long) o * in + i;
      merged.setFloatAt(index, base.floatAt(index) + scale * row[i]);
    }
  }
}
