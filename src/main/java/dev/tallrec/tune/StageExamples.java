package dev.tallrec.tune;

import dev.tallrec.text.ExampleEncoder;
import dev.tallrec.text.Instruction;
import dev.tallrec.text.LabelledTokens;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** Encodes a stage's examples and says what the cutoff took. */
final class StageExamples {

  private StageExamples() {}

  /**
   * The examples as tokens.
   *
   * @throws IOException if one has no label left and may not be left out, or none is left
   */
  static List<LabelledTokens> encode(
      String stage,
      List<Instruction> examples,
      ExampleEncoder encoder,
      boolean dropCutOff,
      RunListener listener)
      throws IOException {
    List<LabelledTokens> encoded = new ArrayList<>();
    int cutExamples = 0;
    long cutTokens = 0;
    int dropped = 0;
    for (int i = 0; i < examples.size(); i++) {
      ExampleEncoder.Encoded example;
      try {
        example = encoder.encode(examples.get(i));
      } catch (IllegalArgumentException e) {
        if (!dropCutOff) {
          throw new IOException(
              "%s example %d: %s (--%s-cutoff), or leave such examples out (--%s-drop-cut-off)"
                  .formatted(stage, i + 1, e.getMessage(), stage, stage),
              e);
        }
        dropped++;
        continue;
      }
      encoded.add(example.tokens());
      cutExamples += example.cut() > 0 ? 1 : 0;
      cutTokens += example.cut();
    }
    if (encoded.isEmpty()) {
      throw new IOException(
          "%s stage: no example has an answer within the cutoff of %d tokens"
              .formatted(stage, encoder.cutoff()));
    }
    if (cutExamples + dropped > 0) {
      listener.message(
          "%s: %d of %d examples lost %,d tokens at their end to the cutoff of %d, %d were left out"
              .formatted(
                  stage, cutExamples, examples.size(), cutTokens, encoder.cutoff(), dropped));
    }
    return encoded;
  }
}
