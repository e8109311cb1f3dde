package dev.tallrec.cli;

import dev.tallrec.rec.Domain;
import dev.tallrec.rec.Taste;
import dev.tallrec.rec.TasteScorer;
import dev.tallrec.text.AnswerTokens;
import dev.tallrec.text.ExampleEncoder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Ranks candidates for a user. */
@Command(
    name = "recommend",
    mixinStandardHelpOptions = true,
    description = "Ranks candidates for a user of whom some likes and dislikes are known.",
    footer = {
      "",
      "Example:",
      "  tallrec recommend --adapter runs/TIME/adapter --liked \"Star Wars (1977)\" \\",
      "      --disliked \"Crash (1996)\" --candidate \"Alien (1979)\" --candidate \"Bambi (1942)\""
    })
final class RecommendCommand implements Callable<Integer> {

  private static final int BATCH_TOKENS = 2048;

  @Spec private CommandSpec spec;

  @Mixin private ModelOptions model = new ModelOptions();

  @Option(names = "--domain", description = "${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE}).")
  private Domain domain = Domain.MOVIE;

  @Option(
      names = "--liked",
      paramLabel = "TITLE",
      description =
          "Something the user liked; may be repeated. A book's author: 'TITLE\" written by AUTHOR'.")
  private List<String> liked = List.of();

  @Option(
      names = "--disliked",
      paramLabel = "TITLE",
      description = "Something the user did not like; may be repeated.")
  private List<String> disliked = List.of();

  @Option(
      names = "--candidate",
      paramLabel = "TITLE",
      description = "A candidate; may be repeated.")
  private List<String> candidates = List.of();

  @Option(
      names = "--candidates",
      paramLabel = "FILE",
      description = "File of candidates, one a line.")
  private @Nullable Path candidateFile;

  @Override
  public Integer call() throws IOException {
    List<String> titles = new ArrayList<>(candidates);
    if (candidateFile != null) {
      Files.readAllLines(candidateFile).stream()
          .map(String::strip)
          .filter(line -> !line.isEmpty())
          .forEach(titles::add);
    }
    if (titles.isEmpty()) {
      throw new CommandLine.ParameterException(
          spec.commandLine(), "no candidates: give --candidate or --candidates");
    }
    if (liked.isEmpty() && disliked.isEmpty()) {
      throw new CommandLine.ParameterException(
          spec.commandLine(), "nothing is known of the user: give --liked or --disliked");
    }
    try (ModelOptions.Opened opened = model.open()) {
      print(titles, score(titles, opened));
    }
    return 0;
  }

  private List<Taste> score(List<String> titles, ModelOptions.Opened opened) throws IOException {
    ExampleEncoder encoder = opened.base().encoder(Integer.MAX_VALUE, false);
    List<int[]> prompts =
        titles.stream()
            .map(title -> encoder.encodePrompt(domain.question(liked, disliked, title, "")).ids())
            .toList();
    AnswerTokens answers = AnswerTokens.of(opened.base().tokenizer());
    try (TasteScorer scorer =
        new TasteScorer(opened.base().network(), opened.active(), answers, prompts, BATCH_TOKENS)) {
      return scorer.score((done, all) -> {});
    }
  }

  private static void print(List<String> titles, List<Taste> tastes) {
    List<Integer> order =
        IntStream.range(0, titles.size())
            .boxed()
            .sorted(Comparator.comparingDouble((Integer i) -> -tastes.get(i).score()))
            .toList();
    System.out.println("rank    score   p(Yes)    p(No)  title");
    for (int rank = 0; rank < order.size(); rank++) {
      Taste taste = tastes.get(order.get(rank));
      System.out.printf(
          "%4d  %+.4f   %.4f   %.4f  %s%n",
          rank + 1, taste.score(), taste.yes(), taste.no(), titles.get(order.get(rank)));
    }
  }
}
