package dev.tallrec.verify;

import dev.tallrec.llama.TextGenerator;
import dev.tallrec.lora.LoraAdapter;
import dev.tallrec.lora.LoraParameters;
import dev.tallrec.tensor.Tensor;
import java.io.IOException;
import java.util.Arrays;

/** Compares the tokens that follow a prompt, the likeliest each time. */
final class GreedyCheck {

  private GreedyCheck() {}

  /**
   * Compares greedy tokens, up to where two were as likely as each other for this device: where its
   * logits, each off by as much as {@code logitDifference}, can put the second before the first.
   */
  static Check of(GoldenModel golden, double logitDifference) throws IOException {
    int[] prompt = golden.fixture().tokens("greedy.prompt_ids", golden.config().vocabSize());
    int[] expected = golden.fixture().tokens("greedy.ids", golden.config().vocabSize());
    double[] margins = margins(golden, expected.length);
    try (LoraAdapter adapter = golden.adapter();
        LoraParameters parameters = new LoraParameters(golden.device(), golden.config(), adapter);
        TextGenerator generator =
            new TextGenerator(golden.network(), parameters, prompt.length + expected.length)) {
      int[] ours = generator.greedy(prompt, expected.length, _ -> false);
      int compared = 0;
      int different = 0;
      while (compared < expected.length) {
        boolean same = ours[compared] == expected[compared];
        if (!same && margins[compared] <= 2 * logitDifference) {
          break;
        }
        different += same ? 0 : 1;
        compared++;
      }
      return new Check("greedy.ids", compared, different, 0, Double.NaN, "greedy.ids");
    }
  }

  /** By how much the likeliest logit was above the next; infinite where the fixture is silent. */
  private static double[] margins(GoldenModel golden, int tokens) throws IOException {
    double[] margins = new double[tokens];
    Arrays.fill(margins, Double.POSITIVE_INFINITY);
    if (golden.fixture().has("greedy.margin")) {
      Tensor margin = golden.fixture().floats("greedy.margin", tokens, tokens);
      for (int i = 0; i < tokens; i++) {
        margins[i] = margin.floatAt(i);
      }
    }
    return margins;
  }
}
