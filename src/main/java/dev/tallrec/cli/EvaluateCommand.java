package dev.tallrec.cli;

import dev.tallrec.files.AtomicFiles;
import dev.tallrec.rec.Evaluation;
import dev.tallrec.rec.Heuristics;
import dev.tallrec.rec.RecData;
import dev.tallrec.rec.RecExample;
import dev.tallrec.rec.ScoreFile;
import dev.tallrec.rec.Taste;
import dev.tallrec.text.ExampleEncoder;
import dev.tallrec.train.TrainingStoppedException;
import dev.tallrec.tune.Evaluator;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Scores a data set and reports AUC. */
@Command(
    name = "evaluate",
    mixinStandardHelpOptions = true,
    description =
        "Scores a data set with a base model and an adapter, as the paper does, and reports AUC.")
final class EvaluateCommand implements Callable<Integer> {

  /** Part of a data set. */
  enum Part {
    TRAIN,
    VALID,
    TEST
  }

  @Spec private CommandSpec spec;

  @Mixin private ModelOptions model = new ModelOptions();

  @Option(
      names = "--data",
      paramLabel = "NAME",
      description = "movie, book, or a directory (default: ${DEFAULT-VALUE}).")
  private String data = "movie";

  @Option(names = "--part", description = "${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE}).")
  private Part part = Part.TEST;

  @Option(
      names = "--cutoff",
      paramLabel = "N",
      converter = Count.class,
      description =
          "Most tokens of a prompt; longer ones lose the oldest items of their history, or, if they"
              + " are not of the published form, the start of their input (default:"
              + " ${DEFAULT-VALUE}).")
  private int cutoff = 512;

  @Option(
      names = "--batch-tokens",
      paramLabel = "N",
      converter = Count.class,
      description = "Tokens scored at a time (default: ${DEFAULT-VALUE}).")
  private int batchTokens = 2048;

  @Option(
      names = "--scores",
      paramLabel = "FILE",
      description = "Write every example's label and probabilities to a CSV file.")
  private @Nullable Path scores;

  @Override
  public Integer call() throws IOException, TrainingStoppedException {
    if (cutoff < 2) {
      throw new ParameterException(spec.commandLine(), "--cutoff " + cutoff + ": at least 2");
    }
    if (scores != null) {
      AtomicFiles.requireReplaceable(scores);
    }
    RecData set = RecData.named(data);
    List<RecExample> examples =
        switch (part) {
          case TRAIN -> set.train();
          case VALID -> set.valid();
          case TEST -> set.test();
        };
    try (ModelOptions.Opened opened = model.open()) {
      ExampleEncoder encoder = opened.base().encoder(cutoff, false);
      Evaluator evaluator =
          new Evaluator(
              opened.base(), encoder, batchTokens, ConsoleListener.besideResults(), () -> false);
      String name = set.name() + " " + part.name().toLowerCase(Locale.ROOT);
      List<Taste> tastes = evaluator.score(name, examples, opened.active());
      print(name, Evaluation.of(examples, tastes), examples, set.train());
      if (scores != null) {
        ScoreFile.write(scores, examples, tastes);
      }
    }
    return 0;
  }

  private static void print(
      String name, Evaluation evaluation, List<RecExample> examples, List<RecExample> train) {
    System.out.printf(
        "%s, %,d examples; AUC, 95 %% interval over users%n", name, evaluation.examples());
    row("this model", evaluation);
    for (Heuristics.Rule rule : Heuristics.ofHistories(examples)) {
      row("no model: " + rule.name(), Evaluation.of(examples, rule.scores()));
    }
    for (Heuristics.Rule rule : Heuristics.ofTargets(examples, train)) {
      row(
          "no model: %s in %,d train rows".formatted(rule.name(), train.size()),
          Evaluation.of(examples, rule.scores()));
    }
    System.out.printf("mean p(Yes) + p(No) of this model: %.4f%n", evaluation.answerMass());
  }

  private static void row(String name, Evaluation evaluation) {
    System.out.printf(
        "%-68s %.4f   %s%n", name, evaluation.auc(), ResultTable.interval(evaluation.interval()));
  }
}
