package dev.tallrec.cli;

import dev.tallrec.llama.TextGenerator;
import dev.tallrec.text.Instruction;
import dev.tallrec.text.PromptTemplate;
import java.io.IOException;
import java.util.concurrent.Callable;
import java.util.random.RandomGeneratorFactory;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Lets the model write. */
@Command(
    name = "generate",
    mixinStandardHelpOptions = true,
    description = "Continues a text, or answers an instruction.")
final class GenerateCommand implements Callable<Integer> {

  @Spec private CommandSpec spec;

  @Mixin private ModelOptions model = new ModelOptions();

  @Option(
      names = "--prompt",
      paramLabel = "TEXT",
      required = true,
      description = "What to continue.")
  private String prompt = "";

  @Option(
      names = "--instruction",
      description = "Put the prompt into Alpaca's template, as an instruction.")
  private boolean instruction;

  @Option(
      names = "--tokens",
      paramLabel = "N",
      converter = Count.class,
      description = "Most tokens written (default: ${DEFAULT-VALUE}).")
  private int tokens = 64;

  @Option(
      names = "--temperature",
      paramLabel = "T",
      description = "0 takes the likeliest token, others draw (default: ${DEFAULT-VALUE}).")
  private double temperature = 0;

  @Option(
      names = "--seed",
      paramLabel = "N",
      description = "Of the draws (default: ${DEFAULT-VALUE}).")
  private long seed = 0;

  @Override
  public Integer call() throws IOException {
    if (!(temperature >= 0 && Double.isFinite(temperature))) {
      throw new ParameterException(
          spec.commandLine(), "--temperature " + temperature + ": 0 or above, and finite");
    }
    try (ModelOptions.Opened opened = model.open()) {
      String text =
          instruction ? PromptTemplate.PAPER.prompt(new Instruction(prompt, "", "")) : prompt;
      int[] body = opened.base().tokenizer().encode(text);
      int[] ids = new int[body.length + 1];
      ids[0] = opened.base().tokenizer().bos();
      System.arraycopy(body, 0, ids, 1, body.length);
      int length = ids.length + tokens;
      if (length > opened.base().maxPositions()) {
        throw new IllegalArgumentException(
            "%d tokens of prompt and %d more: %d in all can be computed with this model"
                .formatted(ids.length, tokens, opened.base().maxPositions()));
      }
      try (TextGenerator generator =
          new TextGenerator(opened.base().network(), opened.active(), length)) {
        int[] written =
            temperature == 0
                ? generator.greedy(ids, tokens, opened.base()::endsText)
                : generator.sample(
                    ids,
                    tokens,
                    opened.base()::endsText,
                    temperature,
                    RandomGeneratorFactory.of("L64X128MixRandom").create(seed));
        System.out.println(text + opened.base().tokenizer().decode(written));
      }
    }
    return 0;
  }
}
